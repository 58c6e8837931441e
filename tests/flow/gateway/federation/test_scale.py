"""A thousand members with ten tools each: listed in pages, searched, followed, and nobody waits meanwhile."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bus import Bus, BusSettings, Federation
from bus.errors import FederationError
from tests.support.aggregate import aggregate_of
from tests.support.federation import manifest
from tests.support.http_mcp import Caller
from tests.support.http_servers import free_port
from tests.support.nats import until

MEMBERS = 1_000
LONGEST_PAUSE_S = 0.05
LONGEST_WAIT_S = 0.25
"""Of a request over HTTP, in which other processes' share of a busy machine counts: alone it is some 20 ms."""
LONGEST_ASKED_S = 1.0
"""Of one that a directory answers, which has just begun and is read by the new gateway from end to end."""
VERBS = ("resize", "convert", "fetch", "delete", "archive", "publish", "translate", "encrypt", "compress", "merge")
NOUNS = ("image", "invoice", "customer", "report", "calendar", "contract", "shipment", "payment", "recipe", "dataset")


def tools_of(number: int) -> list[dict[str, Any]]:
    """Ten tools, each of its own pair of words; one in the whole fleet does something nobody else does."""
    pairs = random.Random(number).sample([(verb, noun) for verb in VERBS for noun in NOUNS], 10)
    if number == 777:
        pairs[4] = ("transcribe", "podcast")
    return [
        {
            "name": f"{verb}_{noun}",
            "description": f"{verb.capitalize()} the {noun} of department {number}",
            "inputSchema": {"type": "object", "properties": {f"{noun}_id": {"type": "string"}}},
        }
        for verb, noun in pairs
    ]


@contextmanager
def elsewhere(settings: BusSettings, *words: str) -> Iterator[None]:
    """`omega words…` in a process of its own: its work is none of this event loop's."""
    environment = {**os.environ, "OMEGA_NATS_URL": settings.nats_url}
    command = [sys.executable, "-m", "omega", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def as_in_a_gateways_process() -> Iterator[None]:
    """What was imported before is no matter of garbage collection."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@asynccontextmanager
async def pauses() -> AsyncIterator[list[float]]:
    """How long this loop kept the processor between two turns; other processes' share of it does not count."""
    found: list[float] = []

    async def watch() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            found.append(now - last)
            last = now

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def fleet(settings: BusSettings, bus: Bus) -> AsyncIterator[Federation]:
    """All of them registered."""
    federation = Federation(bus)

    async def up() -> bool:
        try:
            return bool(await federation.ask("stats"))
        except FederationError:
            return False

    async def register(numbers: Iterator[int]) -> None:
        for number in numbers:
            told = manifest(f"member_{number:04}", tools=tools_of(number), tags=[f"group{number % 10}"])
            await federation.register({**told, "heartbeat_interval_s": 3600})

    with elsewhere(settings, "directory"):
        await until(up, within=30)
        numbers = iter(range(MEMBERS))
        await asyncio.gather(*(register(numbers) for _ in range(32)))
        yield federation


@pytest.mark.timeout(240)
async def test_a_thousand_members_are_listed_searched_and_followed_without_a_pause(
    fleet: Federation, settings: BusSettings
) -> None:
    with as_in_a_gateways_process():
        async with pauses() as found, aggregate_of(settings) as ask:
            await until(lambda: ask.aggregate.ready, within=60)
            assert await ask.tools() == ["search_tools", "describe_tool", "call_tool", "list_servers"]
            names = await ask.at(tools="all").tools()
            assert (len(set(names)), names) == (10 * MEMBERS, sorted(names, key=lambda name: name.partition("__")[0]))
            assert len(await ask.at(tag="group7", tools="all").tools()) == 10 * MEMBERS // 10

            for query in ("transcribe a podcast", "podcast transcription", "transcribe podcsat"):
                told = (await ask.call("search_tools", {"query": query}))["structuredContent"]
                assert (told["tools"][0]["name"], told["of"]) == ("member_0777__transcribe_podcast", 10 * MEMBERS)
            told = await ask.call("search_tools", {"query": "translate the contract of department 77", "limit": 3})
            assert told["structuredContent"]["tools"]

            async with ask.listening(toolsListChanged=True) as heard:
                began = time.perf_counter()
                await fleet.register(manifest("newcomer", tools=[{"name": "greet"}]))
                async with asyncio.timeout(5):
                    assert (await heard.get())["method"] == "notifications/tools/list_changed"
                announced_s = time.perf_counter() - began
            assert "newcomer__greet" in await ask.at(server="newcomer").tools()
        assert announced_s < 1
        assert max(found) < LONGEST_PAUSE_S, sorted(found)[-5:]


OWN, ASKED = "/health/live", "/mcp/resources/omega/directory/servers/member_0042"
"""What the gateway answers by itself, and what it asks a directory for."""


@dataclass
class Others:
    """Requests that go on beside the lists, one after the other, and how long each of them took."""

    http: aiohttp.ClientSession
    took: dict[str, list[float]] = field(default_factory=lambda: {OWN: [], ASKED: []})

    async def go_on(self) -> None:
        for path in itertools.cycle(self.took):
            began = time.perf_counter()
            async with self.http.get(path) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
            self.took[path].append(time.perf_counter() - began)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def answering(http: aiohttp.ClientSession) -> AsyncIterator[None]:
    """A gateway that is there by now."""

    async def there() -> bool:
        try:
            async with http.get("/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    await until(there, within=60)
    yield


@asynccontextmanager
async def others_at(url: str) -> AsyncIterator[Others]:
    """They go on for the length of the block, and none of them fails."""
    async with aiohttp.ClientSession(url) as http:
        others = Others(http)
        going = asyncio.create_task(others.go_on())
        yield others
        assert not going.done()
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)


async def listed(caller: Caller, method: str, items: str) -> int:
    """How many items all pages of a list hold."""
    cursor, count = None, 0
    while True:
        page = (await caller.modern(method, {"cursor": cursor} if cursor else {})).last["result"]
        count += len(page[items])
        cursor = page.get("nextCursor")
        if cursor is None:
            return count


@pytest.mark.timeout(240)
async def test_other_requests_over_http_are_not_held_up_by_lists_of_ten_thousand_tools(
    fleet: Federation, settings: BusSettings
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with elsewhere(settings, "gateway", "--port", str(port)):
        async with aiohttp.ClientSession(url) as http, answering(http), others_at(url) as others:
            everything = Caller(http, "/mcp?tools=all")

            async def full() -> bool:
                return await listed(everything, "tools/list", "tools") == 10 * MEMBERS

            await until(full, within=60)
            for _ in range(6):
                both = await asyncio.gather(*(listed(everything, "tools/list", "tools") for _ in range(2)))
                assert set(both) == {10 * MEMBERS}
            searched = await Caller(http, "/mcp").modern(
                "tools/call", {"name": "search_tools", "arguments": {"query": "transcribe podcsat"}}
            )
            found = searched.last["result"]["structuredContent"]["tools"]
            assert found[0]["name"] == "member_0777__transcribe_podcast"
    for path, longest_s in ((OWN, LONGEST_WAIT_S), (ASKED, LONGEST_ASKED_S)):
        took = sorted(others.took[path])
        assert len(took) > 50
        assert took[-2] < longest_s, (path, took[-5:])  # one may fall victim to the machine
