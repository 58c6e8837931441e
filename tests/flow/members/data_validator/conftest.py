"""The Data Validator in a federation with a gateway, called in each of the three ways there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from mcp import Client

from bus import Bus, BusSettings, CallOptions, Federation
from bus.errors import FederationError
from directory import Directory
from gateway import Gateway, GatewaySettings
from members.data_validator.service import build
from members.data_validator.settings import DataValidatorSettings
from tests.support.federation import running_member

ID = "data_validator_fastmcp"
PATIENT = CallOptions(timeout=50)
SMALL = DataValidatorSettings(
    max_bytes=100_000,
    max_depth=20,
    timeout_s=2,
    workers=1,
    table_workers=1,
    table_max_bytes=200_000,
    table_max_rows=5000,
    table_max_columns=100,
    profile_max_columns=50,
    workbook_max_cells=10_000,
    workbook_max_unpacked_bytes=2 * 1024 * 1024,
    max_violations=50,
    table_timeout_s=20,
)


@dataclass(frozen=True)
class Outcome:
    """What a call came to, whichever way it went."""

    result: Any
    words: str | None = None
    code: str | None = None
    """Code and HTTP status of a failure; None over MCP, whose errors of tools are words."""
    status: int | None = None


Call = Callable[[str, dict[str, Any]], Awaitable[Outcome]]


@pytest.fixture
async def validator(federation: Federation, settings: BusSettings) -> AsyncIterator[Federation]:
    """A federation with a validator of narrow limits."""
    async with running_member(build(SMALL), settings):
        yield federation


@asynccontextmanager
async def all_ways(bus: Bus) -> AsyncIterator[dict[str, Call]]:
    """HTTP door, plain call and MCP, each as a function of tool and arguments."""
    gateway = Gateway(bus, GatewaySettings(port=0, doors={0: ID}, drain_s=2))
    await gateway.start()
    federation = Federation(bus)

    async def over_http(tool: str, arguments: dict[str, Any]) -> Outcome:
        url = f"{gateway.door_urls[ID]}/mcp/call/{tool}"
        async with aiohttp.ClientSession() as session, session.post(url, json=arguments) as answer:
            body = await answer.json()
        if answer.status == 200:
            return Outcome(body)
        return Outcome(None, body["error"]["message"], body["error"]["code"], answer.status)

    async def over_nats(tool: str, arguments: dict[str, Any]) -> Outcome:
        try:
            return Outcome(await federation.call(ID, tool, arguments, PATIENT))
        except FederationError as error:
            return Outcome(None, error.message, error.code, error.http_status)

    async def over_mcp(tool: str, arguments: dict[str, Any]) -> Outcome:
        async with Client(f"{gateway.url}/servers/{ID}/mcp") as client:
            reply = await client.call_tool(tool, arguments)
        if not reply.is_error:
            return Outcome(reply.structured_content)
        return Outcome(None, getattr(reply.content[0], "text", ""))

    try:
        yield {"http": over_http, "nats": over_nats, "mcp": over_mcp}
    finally:
        await gateway.stop()


@pytest.fixture
async def ways(validator: Federation, bus: Bus, directory: Directory) -> AsyncIterator[dict[str, Call]]:
    async with all_ways(bus) as found:
        yield found
