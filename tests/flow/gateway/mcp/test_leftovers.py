"""Ten thousand calls, answered and abandoned, leave nothing behind: no task, no inbox entry, no subscription, no
object."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from bus import Bus
from gateway import Gateway
from tests.flow.gateway.conftest import Told
from tests.support import mcp
from tests.support.http_mcp import Caller
from tests.support.nats import until

CALLS = 10_000
CONNECTIONS = 40
ABANDONED = 50
STREAMS = 10
OBJECTS = CALLS // 10
"""Growth below it is noise: one object left by every call would be ten times as many."""


def census(bus: Bus, gateway: Gateway) -> tuple[int, int, object]:
    """What is open: answers awaited, subscriptions held, and whatever the fronts count."""
    return bus.waiting, len(bus._subscriptions), gateway.mcp.census


def objects() -> Counter[str]:
    """How many objects of each type there are."""
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects())


@pytest.mark.timeout(120)
async def test_many_calls_leave_nothing_behind(waiter: Caller, bus: Bus, gateway: Gateway, told: Told) -> None:
    await waiter.initialize()
    message = mcp.body("tools/call", {"name": "add", "arguments": {"left": 1, "right": 2}})
    plain = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"} | _plain()
    both = (written(waiter, message, waiter.head(message)), written(waiter, plain, waiter.legacy_head()))

    await asyncio.gather(*(call(gateway, both, 10) for _ in range(CONNECTIONS)))
    await _abandon(waiter, gateway, told)
    await until(lambda: census(bus, gateway)[0] == 0)
    before, tasks, things = census(bus, gateway), len(asyncio.all_tasks()), objects()
    await asyncio.gather(*(call(gateway, both, CALLS // CONNECTIONS) for _ in range(CONNECTIONS)))
    await _abandon(waiter, gateway, told)
    await until(lambda: census(bus, gateway) == before)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    # A client that went away takes its frames with it a moment later.
    await until(lambda: (objects() - things).total() < OBJECTS, within=10, what=f"more than {OBJECTS} objects are left")


def written(caller: Caller, message: Mapping[str, Any], head: Mapping[str, str]) -> bytes:
    """A request as bytes on the wire: a client that costs next to nothing leaves the time to the gateway."""
    body = orjson.dumps(message)
    lines = [f"POST {caller.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def call(gateway: Gateway, requests: tuple[bytes, ...], count: int) -> None:
    """So many calls on one connection, each checked."""
    async with connection(gateway) as (reader, writer):
        for number in range(count):
            writer.write(requests[number % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            answer = orjson.loads(await reader.readexactly(size))
            assert answer["result"]["structuredContent"] == {"sum": 3}


@asynccontextmanager
async def connection(gateway: Gateway) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def _abandon(waiter: Caller, gateway: Gateway, told: Told) -> None:
    """Clients that leave in the middle of calls and of streams of either era, on connections of their own."""
    told.started.clear()
    told.cancelled.clear()
    message = mcp.body("tools/call", {"name": "wait"})
    wish = mcp.body("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id="listening")
    async with aiohttp.ClientSession(str(waiter.http._base_url)) as http:
        leaving = Caller(http, waiter.path)
        asking = [
            asyncio.create_task(leaving.send(orjson.dumps(message), leaving.head(message))) for _ in range(ABANDONED)
        ]
        for _ in range(STREAMS):
            asking.append(asyncio.create_task(leaving.send(orjson.dumps(wish), leaving.head(wish))))
            head = waiter.legacy_head(Accept="text/event-stream")
            asking.append(asyncio.create_task(leaving.send(b"", head, "GET")))
        async with asyncio.timeout(10):
            await told.started.wait()
            await until(lambda: gateway.mcp.census.streams == 2 * STREAMS)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await told.cancelled.wait()


def _plain() -> dict[str, object]:
    return {"params": {"name": "add", "arguments": {"left": 1, "right": 2}}}
