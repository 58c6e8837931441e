"""Two directories, one of them frozen: questions find the other, and where all is well each is asked once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from bus import Bus, Federation, Message
from bus.errors import DirectoryAway, NoInstance
from gateway.inquiry import MOST_LATE, NEXT_S, NOBODY_AGAIN, Inquiry, Repeats
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


async def test_a_question_to_nobody_is_asked_again_for_half_a_second_and_refused(bus: Bus) -> None:
    began = time.monotonic()
    with pytest.raises(DirectoryAway) as refused:
        await Inquiry(Federation(bus), timeout=5).ask("tags")
    assert isinstance(refused.value.__cause__, NoInstance)
    assert NOBODY_AGAIN * NEXT_S <= time.monotonic() - began < 5


async def test_a_directory_that_is_away_for_a_moment_is_waited_for(bus: Bus) -> None:
    asked = asyncio.create_task(Inquiry(Federation(bus), timeout=5).ask("tags"))
    await until(lambda: bus.waiting == 1)
    await bus.flush()  # the first asking met nobody
    bus.listen(bus.subjects.directory("tags"), lambda message: bus.respond(message, b"{}"), queue="q")
    assert await asked == b"{}"


async def test_a_question_is_asked_again_until_it_is_answered(bus: Bus) -> None:
    heard: list[Message] = []

    def answer_the_third(message: Message) -> None:
        heard.append(message)
        if len(heard) == 3:
            bus.respond(message, b"{}")

    bus.listen(bus.subjects.directory("tags"), answer_the_third, queue="q")
    assert await Inquiry(Federation(bus), timeout=5).ask("tags", b'{"limit":1}') == b"{}"
    assert [message.data for message in heard] == [b'{"limit":1}'] * 3
    assert bus.waiting == 0


async def test_where_everything_is_late_nothing_is_asked_again() -> None:
    sent: list[int] = []
    late: set[Repeats] = set()
    many = [Repeats(lambda number=number: sent.append(number), late) for number in range(MOST_LATE + 50)]
    for one in many:
        one.begin()
    await until(lambda: len(sent) > len(many))
    await until(lambda: len(late) == MOST_LATE)
    for one in many:
        one.end()
    assert late == set()
    times = Counter(sent)
    assert {times[number] for number in range(MOST_LATE, MOST_LATE + 50)} == {1}
