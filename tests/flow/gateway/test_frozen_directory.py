"""Two directories, one of them frozen: questions find the other, and where all is well each is asked once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from bus import Bus, Federation, Message
from bus.errors import DirectoryAway
from members import Member
from tests.support.nats import NatsServer, until

SEARCH = "/mcp/resources/omega/directory/search?tag=code"
SEARCHES = 200
HARDLY = 8
"""Of 200: each is asked seven times, and meets the frozen one of two every time with a probability of 1 in 128."""


@pytest.fixture
def another(nats_server: NatsServer, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A second directory, in a process of its own."""
    command = [sys.executable, "-m", "omega", "directory", "--nats", nats_server.url]
    with (tmp_path / "directory.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    yield process
    process.kill()
    process.wait(10)


@pytest.fixture
async def asked(bus: Bus) -> AsyncIterator[Counter[str]]:
    """How often each question was put on the bus."""
    heard: Counter[str] = Counter()

    def note(message: Message) -> None:
        heard[message.subject] += 1

    subscription = bus.listen(bus.subjects.directory("*"), note)
    await bus.flush()
    yield heard
    await subscription.stop()


async def replicas(federation: Federation) -> set[str]:
    try:
        return {(await federation.ask("stats"))["replica"] for _ in range(20)}
    except DirectoryAway:
        return set()


async def search(client: aiohttp.ClientSession) -> int:
    async with client.get(SEARCH) as answer:
        return answer.status if answer.status != 200 else len((await answer.json())["servers"])


@pytest.mark.usefixtures("member")
async def test_with_one_of_two_directories_frozen_hardly_a_search_fails(
    client: aiohttp.ClientSession, another: subprocess.Popen[bytes], bus: Bus
) -> None:
    async def two() -> bool:
        return len(await replicas(Federation(bus))) == 2

    await until(two, within=30)
    another.send_signal(signal.SIGSTOP)
    try:
        found = Counter(await asyncio.gather(*(search(client) for _ in range(SEARCHES))))
    finally:
        another.send_signal(signal.SIGCONT)
    assert found.keys() <= {1, 503}
    assert found[503] <= HARDLY


async def test_where_all_is_well_every_question_is_asked_once(
    client: aiohttp.ClientSession, member: Member, asked: Counter[str], bus: Bus
) -> None:
    assert {await search(client) for _ in range(100)} == {1}
    await bus.flush()
    assert asked[bus.subjects.directory("search")] == 100
