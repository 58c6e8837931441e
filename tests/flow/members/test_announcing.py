"""A server too wordy for a manifest joins all the same, and a start that fails leaves nothing open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp_types import ListToolsResult, Tool
from structlog.testing import capture_logs

from bus import Bus, BusSettings, Federation
from bus.errors import Refused
from directory import Directory
from members import Member
from tests.support import mcp
from tests.support.aggregate import aggregate_of
from tests.support.federation import running_member
from tests.support.nats import until

LONG = "Words. " * 3_000
"""More than the 16,384 characters that the manifest takes of one description."""


def wordy(tools: int, schema_bytes: int) -> Member:
    output = {"type": "object", "description": "z" * schema_bytes}

    async def listed(*_: Any) -> ListToolsResult:
        given = {"type": "object", "properties": {"word": {"type": "string"}}}
        return ListToolsResult(
            tools=[
                Tool(name=f"tool{n}", description=LONG, input_schema=given, output_schema=output) for n in range(tools)
            ]
        )

    return Member("wordy", server=Server("wordy", on_list_tools=listed))


async def test_a_long_description_is_cut_in_the_manifest_and_whole_at_the_member(
    federation: Federation, settings: BusSettings
) -> None:
    with capture_logs() as logged:
        async with running_member(wordy(1, 10), settings):
            shown = (await federation.server("wordy"))["tools"][0]
            assert len(shown["description"]) <= 16_384 < len(LONG)
            assert shown["description"].endswith("…")
            assert shown["outputSchema"]
            listed = mcp.result(await federation.mcp(mcp.request("wordy", "tools/list")))["tools"][0]
            assert listed["description"] == LONG
    told = [line for line in logged if line["event"] == "announced_with_less"]
    assert [(line["tools"], line["left_out"]) for line in told] == [(1, {"descriptions": 1})]


async def test_a_server_larger_than_a_manifest_joins_with_less_said_and_is_listed_by_the_federation(
    federation: Federation, settings: BusSettings
) -> None:
    async with running_member(wordy(30, 20_000), settings), aggregate_of(settings) as ask:
        shown = (await federation.server("wordy"))["tools"]
        assert len(shown) == 30
        assert not any("outputSchema" in tool for tool in shown)
        assert all(tool["inputSchema"]["properties"] for tool in shown)
        listed = mcp.result(await federation.mcp(mcp.request("wordy", "tools/list")))["tools"]
        assert all(tool["outputSchema"] and tool["description"] == LONG for tool in listed)
        await until(lambda: ask.aggregate.catalogue.get("wordy"))
        assert len(await ask.tools()) == 30


class Life:
    """A lifespan that says whether it is open."""

    def __init__(self) -> None:
        self.open = False

    @asynccontextmanager
    async def __call__(self, _: Any) -> AsyncIterator[None]:
        self.open = True
        try:
            yield
        finally:
            self.open = False


async def entered(bus: Bus, server: Server[Any], life: Life, expected: type[BaseException]) -> None:
    subscriptions = len(bus._subscriptions)
    with pytest.raises(expected):
        async with asyncio.timeout(20), Member("unlucky", server=server, drain_s=0.2).serving(bus):
            pytest.fail("it started")
    assert not life.open
    assert len(bus._subscriptions) == subscriptions


async def test_a_start_that_fails_in_the_middle_closes_the_lifespan(bus: Bus, directory: Directory) -> None:
    life = Life()

    async def listed(*_: Any) -> ListToolsResult:
        assert life.open
        raise RuntimeError("no tools today")

    await entered(bus, Server("unlucky", on_list_tools=listed, lifespan=life), life, RuntimeError)


async def test_a_start_that_the_directory_refuses_leaves_nothing_open(
    bus: Bus, directory: Directory, federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life()
    monkeypatch.setattr("members.instance.read_manifest", lambda fields, member: {**fields, "version": ""})
    await entered(bus, Server("unlucky", lifespan=life), life, Refused)


async def test_a_start_that_is_cancelled_leaves_nothing_open(bus: Bus) -> None:
    life, subscriptions = Life(), len(bus._subscriptions)

    async def serve() -> None:
        async with Member("unlucky", server=Server("unlucky", lifespan=life)).serving(bus):
            pytest.fail("without a directory it cannot start")

    starting = asyncio.create_task(serve())
    await until(lambda: life.open and len(bus._subscriptions) > subscriptions + 5)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not life.open
    assert len(bus._subscriptions) == subscriptions
