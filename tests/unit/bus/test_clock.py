"""The clock calls back a little late, never early, and forgets what was cancelled."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from bus import clock as clocks
from bus.clock import Clock
from tests.support.nats import until

SOON, TICK_S = 0.05, 0.02


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock with a shorter tick, and short waits of its own: what is tested is the same."""
    monkeypatch.setattr(clocks, "TICK_S", TICK_S)
    monkeypatch.setattr(clocks, "SHORT_S", 0.01)


async def test_a_wait_ends_after_its_time_and_within_a_tick() -> None:
    loop, clock = asyncio.get_running_loop(), Clock()
    ended: list[float] = []
    started = loop.time()
    clock.after(SOON, lambda: ended.append(loop.time() - started))
    assert len(clock) == 1
    await until(lambda: ended, within=10)
    assert ended[0] >= SOON
    assert len(clock) == 0


async def test_a_short_wait_is_the_loops_own() -> None:
    clock, ended = Clock(), asyncio.Event()
    timer = clock.after(0.001, ended.set)
    assert isinstance(timer, asyncio.TimerHandle)
    async with asyncio.timeout(5):
        await ended.wait()


async def test_what_was_cancelled_is_forgotten_at_once_and_never_called() -> None:
    clock, called = Clock(), asyncio.Event()
    missed: list[int] = []
    timers = [clock.after(SOON, lambda: missed.append(1)) for _ in range(1000)]
    clock.after(SOON + 2 * TICK_S, called.set)
    for timer in timers:
        timer.cancel()
        timer.cancel()
    assert len(clock) == 1
    async with asyncio.timeout(10):
        await called.wait()
    assert not missed


async def test_waits_end_in_their_order_whatever_the_order_they_began_in() -> None:
    clock = Clock()
    ended: list[str] = []
    clock.after(SOON + 6 * TICK_S, lambda: ended.append("last"))
    clock.after(SOON, lambda: ended.append("first"))
    clock.after(SOON + 3 * TICK_S, lambda: ended.append("middle"))
    await until(lambda: len(ended) == 3, within=10)
    assert ended == ["first", "middle", "last"]


async def test_a_callback_that_fails_keeps_no_other_waiting() -> None:
    loop, clock, other = asyncio.get_running_loop(), Clock(), asyncio.Event()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    def fail() -> None:
        raise RuntimeError("a defect")

    clock.after(SOON, fail)
    clock.after(SOON, other.set)
    async with asyncio.timeout(10):
        await other.wait()
    await until(lambda: told, within=5)


async def test_nothing_runs_while_nobody_waits() -> None:
    clock = Clock()
    clock.after(SOON, lambda: None).cancel()
    clock.after(60.0, lambda: None).cancel()
    await until(lambda: clock._alarm is None, within=10)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_a_time_that_is_over_is_now(seconds: float) -> None:
    ended = asyncio.Event()
    Clock().after(seconds, ended.set)
    async with asyncio.timeout(5):
        await ended.wait()


def test_an_alarm_that_is_due_at_once_does_not_keep_another_wait_from_beginning() -> None:
    """On uvloop such an alarm is no timer: it does not know its time."""
    moments: list[float] = []

    class Late(Clock):
        """As when a tick comes round between looking at the time and setting the alarm."""

        def _set_alarm(self, loop: asyncio.AbstractEventLoop) -> None:
            due, self._due[0] = self._due[0], 0
            super()._set_alarm(loop)
            self._due[0] = due

    async def wait_twice() -> None:
        clock, ended = Late(), asyncio.Event()
        clock.after(SOON + TICK_S, lambda: moments.append(1))
        clock.after(SOON, ended.set)
        async with asyncio.timeout(10):
            await ended.wait()

    uvloop.run(wait_twice())
