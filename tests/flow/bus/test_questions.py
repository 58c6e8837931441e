"""Questions to directories: each is asked again until one answers, and no more often than that."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from bus import Bus, Federation, Message
from bus.errors import DirectoryAway, Disconnected, NoInstance, UnknownMember
from bus.questions import MOST_LATE, NEXT_S, NOBODY_AGAIN, Repeats
from tests.support.nats import NatsServer, until


async def test_a_question_to_nobody_is_asked_again_for_half_a_second_and_refused(bus: Bus) -> None:
    began = time.monotonic()
    with pytest.raises(DirectoryAway) as refused:
        await Federation(bus).ask_bytes("tags", b"{}")
    assert isinstance(refused.value.__cause__, NoInstance)
    assert NOBODY_AGAIN * NEXT_S <= time.monotonic() - began < 5


async def test_a_directory_that_is_away_for_a_moment_is_waited_for(bus: Bus) -> None:
    asked = asyncio.create_task(Federation(bus).ask_bytes("tags", b"{}"))
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
    assert await Federation(bus).ask_bytes("tags", b'{"limit":1}') == b"{}"
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


async def test_without_a_bus_nobody_can_be_asked_and_that_is_said(bus: Bus, nats_server: NatsServer) -> None:
    nats_server.stop()
    await until(lambda: not bus.connected)
    with pytest.raises(Disconnected):
        await Federation(bus).ask_bytes("tags", b"{}")


async def test_a_refusal_is_an_answer_and_asked_for_once(bus: Bus) -> None:
    heard: list[Message] = []

    def refuse(message: Message) -> None:
        heard.append(message)
        bus.respond_error(message, UnknownMember("nobody"))

    bus.listen(bus.subjects.directory("server"), refuse, queue="q")
    with pytest.raises(UnknownMember):
        await Federation(bus).server("nobody")
    assert len(heard) == 1


async def test_a_call_to_nobody_does_not_wait_for_a_directory_that_is_not_there(bus: Bus) -> None:
    began = time.monotonic()
    with pytest.raises(NoInstance):
        await Federation(bus).call("nobody", "tool")
    assert time.monotonic() - began < NOBODY_AGAIN * NEXT_S
