"""Events of the past, read from the stream that captured them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bus import Bus, Federation
from bus.messages import EventKind
from bus.past import events_since, stamp
from bus.streams import prepare
from bus.subjects import Instance
from bus.trail import Trail
from omega.cli.watch import Wanted, _told
from tests.support.nats import until


async def past(bus: Bus, moment: float) -> list[Any]:
    return [event["number"] async for event in events_since(bus, moment)]


async def told(bus: Bus, *numbers: int) -> None:
    trail = Trail(bus, "test")
    for number in numbers:
        trail.tell(EventKind.REJECTED, Instance("a"), number=number)
    await bus.flush()


async def test_a_federation_without_events_has_no_past(bus: Bus) -> None:
    assert await past(bus, 0) == []
    await prepare(bus)
    assert await past(bus, 0) == []


async def test_what_was_told_since_a_moment_is_told_again_in_order(bus: Bus) -> None:
    await prepare(bus)
    await told(bus, *range(50))
    await until(lambda: _holds(bus, 50))
    await asyncio.sleep(2.1)  # a moment lies between two seconds of the stream's clock
    between = time.time() - 1
    await told(bus, *range(50, 60))
    await until(lambda: _holds(bus, 60))
    assert await past(bus, 0) == list(range(60))
    assert await past(bus, between) == list(range(50, 60))
    assert await past(bus, time.time() + 60) == []


async def test_a_watcher_sees_the_past_and_what_follows_each_once(bus: Bus) -> None:
    await prepare(bus)
    await told(bus, 1, 2)
    await until(lambda: _holds(bus, 2))
    seen: list[int] = []

    async def watch() -> None:
        async for event in _told(Federation(bus), Wanted("*", "*", audit=True), 0.0):
            seen.append(event["number"])

    watching = asyncio.create_task(watch())
    await until(lambda: seen == [1, 2])
    await told(bus, 3)
    await until(lambda: seen == [1, 2, 3])
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def _holds(bus: Bus, events: int) -> bool:
    return len(await past(bus, 0)) == events


def test_the_stamp_of_a_stream_is_read_whatever_its_fraction() -> None:
    assert stamp("1970-01-01T00:01:00Z") == stamp("1970-01-01T00:01:00.123456789Z") == 60.0
    assert stamp("yesterday") == 0.0
