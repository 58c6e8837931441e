"""Thousands of calls, answered and abandoned, leave nothing behind: no task, no inbox entry, no subscription."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson

from bus import Bus
from gateway import Gateway
from tests.flow.gateway.conftest import Told
from tests.support import mcp
from tests.support.http_mcp import Caller
from tests.support.nats import until

CALLS = 5_000
ABANDONED = 50
AT_ONCE = 50


def census(bus: Bus, gateway: Gateway) -> tuple[int, int, object]:
    """What is open: answers awaited, subscriptions held, and whatever the fronts count."""
    return bus.waiting, len(bus._subscriptions), gateway.mcp.census


async def test_many_calls_leave_nothing_behind(waiter: Caller, bus: Bus, gateway: Gateway, told: Told) -> None:
    await waiter.initialize()
    message = mcp.body("tools/call", {"name": "add", "arguments": {"left": 1, "right": 2}})
    modern = (orjson.dumps(message), waiter.head(message))
    legacy = (orjson.dumps({key: message[key] for key in ("jsonrpc", "id", "method")} | _plain()), waiter.legacy_head())

    async def calls(count: int) -> None:
        for number in range(count):
            answer = await waiter.send(*(modern, legacy)[number % 2])
            assert answer.last["result"]["structuredContent"] == {"sum": 3}

    await asyncio.gather(*(calls(4) for _ in range(AT_ONCE)))
    before, tasks = census(bus, gateway), len(asyncio.all_tasks())
    await asyncio.gather(*(calls(CALLS // AT_ONCE) for _ in range(AT_ONCE)))
    await _abandon(waiter, told)
    await until(lambda: census(bus, gateway) == before)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def _abandon(waiter: Caller, told: Told) -> None:
    """Clients that leave in the middle, on connections of their own."""
    message = mcp.body("tools/call", {"name": "wait"})
    head = waiter.head(message)
    async with aiohttp.ClientSession(str(waiter.http._base_url)) as http:
        leaving = Caller(http, waiter.path)
        asking = [asyncio.create_task(leaving.send(orjson.dumps(message), head)) for _ in range(ABANDONED)]
        async with asyncio.timeout(10):
            await told.started.wait()
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await told.cancelled.wait()


def _plain() -> dict[str, object]:
    return {"params": {"name": "add", "arguments": {"left": 1, "right": 2}}}
