"""A thousand members with ten tools each: listed in pages, searched, followed, and nobody waits meanwhile."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from bus import Bus, BusSettings, Federation
from bus.errors import FederationError
from tests.support.aggregate import aggregate_of
from tests.support.federation import manifest
from tests.support.nats import until

MEMBERS = 1_000
LONGEST_PAUSE_S = 0.05
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
def a_directory_elsewhere(settings: BusSettings) -> Iterator[None]:
    """A directory in a process of its own: its work is none of this event loop's."""
    environment = {**os.environ, "OMEGA_NATS_URL": settings.nats_url}
    command = [sys.executable, "-m", "omega", "directory"]
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

    with a_directory_elsewhere(settings):
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
