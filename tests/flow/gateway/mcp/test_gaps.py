"""What a legacy session's own stream could not hear is made up for: after a gap everything may have changed."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from bus import BusSettings
from directory import Directory
from gateway import Gateway
from tests.support.conformance_member import ID, conformance_member
from tests.support.federation import running_member
from tests.support.http_mcp import Caller, Stream
from tests.support.nats import until

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")  # logging

LISTS = {f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")}
WATCHED = "test://watched-resource"


async def told_within(stream: Stream, seconds: float) -> list[dict[str, Any]]:
    """Everything the stream is told in that time."""
    told: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(seconds):
            while (message := await stream.next(seconds + 1)) is not None:
                told.append(message)
    except TimeoutError:
        pass
    return told


async def test_a_member_that_came_back_is_told_as_changed_once(
    client: aiohttp.ClientSession, directory: Directory, gateway: Gateway, settings: BusSettings
) -> None:
    caller = Caller(client, f"/servers/{ID}/mcp")
    async with running_member(conformance_member(), settings):
        await caller.initialize()
        await caller.legacy("resources/subscribe", {"uri": WATCHED})
        stream_head = caller.legacy_head(Accept="text/event-stream")
        context = caller.stream(b"", stream_head, "GET")
        stream = await context.__aenter__()
        assert await told_within(stream, 0.5) == []  # a first subscription has missed nothing
        await until(lambda: gateway.mcp.census.streams == 1)
    try:
        async with running_member(conformance_member(), settings):
            heard: dict[str, Any] = {}
            async with asyncio.timeout(20):
                while len(heard) < len(LISTS) + 1:
                    message = await stream.next(20)
                    heard[message["method"]] = message
            assert set(heard) == LISTS | {"notifications/resources/updated"}
            assert heard["notifications/resources/updated"]["params"]["uri"] == WATCHED
            assert await told_within(stream, 0.5) == []
    finally:
        await context.__aexit__(None, None, None)
