"""Calls over several instances of a member: by load, elsewhere if nothing was executed, never twice otherwise."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from bus import Bus, BusSettings, CallOptions, Federation
from bus.dispatch import Dispatch, DispatchSettings
from bus.errors import Busy, DeadlineExceeded, MemberFailing, MemberLost, NoInstance, UnknownMember
from bus.subjects import Instance
from members import Member
from tests.support.copied import Workers
from tests.support.federation import running_member
from tests.support.nats import until

PATIENT = CallOptions(timeout=20)
KNOWN_WITHIN_S = 3.5
"""A caller must know of a death within three seconds; the rest is what a loaded machine may add."""


class Copies:
    """Instances of one member, each with a gate of its own."""

    def __init__(self, limit: int) -> None:
        self.ran: Counter[str] = Counter()
        self.working: Counter[str] = Counter()
        self.gates = {name: asyncio.Event() for name in "abc"}
        self._limit = limit

    def member(self, name: str) -> Member:
        member = Member("copied", name="Copied", instance=name, limit=self._limit, heartbeat_interval_s=0.2)

        @member.tool
        async def where() -> str:
            """Say which instance this is."""
            self.ran[name] += 1
            return name

        @member.tool
        async def wait() -> str:
            """Wait at this instance's gate."""
            self.working[name] += 1
            try:
                await self.gates[name].wait()
            finally:
                self.working[name] -= 1
            return name

        @member.tool
        async def say_busy() -> str:
            """Work, and then say no."""
            self.ran[name] += 1
            raise Busy("not today")

        return member


@pytest.fixture
async def caller(bus: Bus, federation: Federation) -> Federation:
    """A client that spreads its calls, as a gateway does."""
    return Federation(bus, Dispatch(bus, DispatchSettings(listen=True)))


@pytest.fixture
async def copies(settings: BusSettings) -> AsyncIterator[Copies]:
    """Two instances, `a` and `b`, of four slots each."""
    copies = Copies(limit=4)
    async with AsyncExitStack() as stack:
        for name in "ab":
            await stack.enter_async_context(running_member(copies.member(name), settings))
        yield copies
        for gate in copies.gates.values():
            gate.set()


async def known(caller: Federation, *names: str) -> None:
    """Wait until the caller has heard those instances."""
    await caller.call("copied", "where")
    await until(lambda: set(caller.dispatch.routes.instances("copied")) == set(names))


async def test_calls_go_to_the_less_loaded_instance(caller: Federation, copies: Copies) -> None:
    await known(caller, "a", "b")
    waiting = [asyncio.create_task(caller.call("copied", "wait", options=PATIENT)) for _ in range(4)]
    await until(lambda: copies.working.total() == 4)
    assert copies.working == {"a": 2, "b": 2}
    for gate in copies.gates.values():
        gate.set()
    await asyncio.gather(*waiting)


async def test_what_another_caller_does_there_counts_too(
    caller: Federation, copies: Copies, settings: BusSettings
) -> None:
    other = await Bus.connect(settings, name="another gateway")
    try:
        pinned = [
            asyncio.create_task(
                other.request(other.subjects.call_at(Instance("copied", "a"), "wait"), b"{}", timeout=20)
            )
            for _ in range(3)
        ]
        await known(caller, "a", "b")
        await until(lambda: caller.dispatch.routes.instances("copied")["a"].others == 3)
        copies.ran.clear()
        for _ in range(10):
            await caller.call("copied", "where")
        assert copies.ran == {"b": 10}
        copies.gates["a"].set()
        await asyncio.gather(*pinned)
    finally:
        await other.close()


def chosen(caller: Federation) -> str | None:
    known = caller.dispatch.routes.choose("copied", asyncio.get_running_loop().time(), lambda: 0.0)
    return known.who.instance if known is not None else None


async def test_an_instance_that_is_full_sends_its_calls_to_another(caller: Federation, copies: Copies) -> None:
    await known(caller, "a", "b")
    waiting = [asyncio.create_task(caller.call("copied", "wait", options=PATIENT)) for _ in range(8)]
    await until(lambda: copies.working.total() == 8)
    with pytest.raises(Busy):
        await caller.call("copied", "where")
    copies.gates["b"].set()
    await until(lambda: copies.working["b"] == 0)
    await until(lambda: chosen(caller) == "b")
    assert await caller.call("copied", "where") == {"result": "b"}
    copies.gates["a"].set()
    await asyncio.gather(*waiting)


async def test_a_tool_that_ran_and_said_busy_is_not_run_again(caller: Federation, copies: Copies) -> None:
    await known(caller, "a", "b")
    copies.ran.clear()
    with pytest.raises(Busy, match="not today"):
        await caller.call("copied", "say_busy")
    assert copies.ran.total() == 1


async def test_an_instance_that_left_is_not_missed(caller: Federation, copies: Copies, settings: BusSettings) -> None:
    async with running_member(copies.member("c"), settings):
        await known(caller, "a", "b", "c")
    copies.ran.clear()
    for _ in range(30):
        await caller.call("copied", "where")
    assert copies.ran["c"] == 0 and copies.ran.total() == 30


async def test_nobody_is_told_at_once(caller: Federation) -> None:
    async with asyncio.timeout(1):
        with pytest.raises(UnknownMember):
            await caller.call("nobody", "anything")


async def test_no_member_gets_more_than_its_share_of_a_callers_calls(
    bus: Bus, federation: Federation, copies: Copies
) -> None:
    caller = Federation(bus, Dispatch(bus, DispatchSettings(most_calls=2)))
    waiting = [asyncio.create_task(caller.call("copied", "wait", options=PATIENT)) for _ in range(2)]
    await until(lambda: copies.working.total() == 2)
    with pytest.raises(Busy, match="2 calls to copied are in flight here"):
        await caller.call("copied", "where")
    for gate in copies.gates.values():
        gate.set()
    await asyncio.gather(*waiting)
    assert (await caller.call("copied", "where"))["result"] in "ab"


async def test_of_the_members_called_only_the_latest_are_heard(
    bus: Bus, federation: Federation, copies: Copies
) -> None:
    caller = Federation(bus, Dispatch(bus, DispatchSettings(listen=True, most_members=3)))
    before = len(bus._subscriptions)
    for number in range(20):
        with pytest.raises(UnknownMember):
            await caller.call(f"nobody{number}", "anything")
    await until(lambda: len(bus._subscriptions) == before + 3)
    assert len(caller.dispatch) == 3


# deaths ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def workers(settings: BusSettings, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(settings.nats_url, tmp_path / "executions")
    yield workers
    workers.end()


@pytest.fixture
async def careful(bus: Bus, federation: Federation) -> Federation:
    """A caller that knows which tools of `copied` may run twice."""
    return Federation(bus, Dispatch(bus, DispatchSettings(listen=True), lambda _, tool: tool == "look"))


async def heard(caller: Federation, *names: str) -> None:
    """Wait until those instances serve and the caller has heard of them all."""

    async def there() -> bool:
        try:
            await caller.call("copied", "where")
        except (NoInstance, UnknownMember):
            return False
        return set(caller.dispatch.routes.instances("copied")) == set(names)

    await until(there, within=15)


async def killed_at_work(workers: Workers, call: asyncio.Task[object]) -> float:
    """Kill the instance that executes; the time of its death."""
    await until(lambda: len(workers.executed) == 1, within=10)
    workers.kill(workers.executed[0])
    return asyncio.get_running_loop().time()


async def test_a_call_whose_instance_dies_fails_within_seconds_and_was_executed_once(
    careful: Federation, workers: Workers
) -> None:
    workers.start("a", "b")
    await heard(careful, "a", "b")
    call = asyncio.create_task(careful.call("copied", "pay", options=CallOptions(timeout=60)))
    died = await killed_at_work(workers, call)
    with pytest.raises(MemberLost):
        await call
    assert asyncio.get_running_loop().time() - died < KNOWN_WITHIN_S
    assert len(workers.executed) == 1


async def test_a_call_that_may_run_twice_goes_to_another_instance(careful: Federation, workers: Workers) -> None:
    workers.start("a")
    await heard(careful, "a")
    call = asyncio.create_task(careful.call("copied", "look", {"first": "a"}, CallOptions(timeout=60)))
    await until(lambda: workers.executed == ["a"], within=10)
    workers.start("b")
    await heard(careful, "a", "b")
    workers.kill("a")
    assert await call == {"result": "b"}
    assert workers.executed == ["a", "b"]


async def test_a_call_that_ran_and_found_nobody_the_second_time_is_not_called_unexecuted(
    careful: Federation, workers: Workers
) -> None:
    workers.start("a")
    await heard(careful, "a")
    call = asyncio.create_task(careful.call("copied", "look", {"first": "a"}, CallOptions(timeout=60)))
    await until(lambda: workers.executed == ["a"], within=10)
    workers.kill("a")
    with pytest.raises(MemberLost):
        await call


async def test_a_death_is_noticed_also_where_the_instance_never_said_that_it_took_the_call(
    careful: Federation, workers: Workers
) -> None:
    workers.start("a", "b")
    await heard(careful, "a", "b")
    call = asyncio.create_task(careful.call("copied", "block", options=CallOptions(timeout=60)))
    died = await killed_at_work(workers, call)
    with pytest.raises(MemberLost):
        await call
    assert asyncio.get_running_loop().time() - died < KNOWN_WITHIN_S


async def test_a_member_that_only_fails_is_left_alone_and_found_again_when_it_is_well(
    bus: Bus, federation: Federation, workers: Workers
) -> None:
    caller = Federation(bus, Dispatch(bus, DispatchSettings(listen=True, patient_s=0.1)))
    workers.start("a")
    await heard(caller, "a")
    stuck = CallOptions(timeout=0.2)
    with pytest.raises(MemberFailing):
        async with asyncio.timeout(30):
            while True:
                with suppress(DeadlineExceeded):
                    await caller.call("copied", "pay", options=stuck)
    executed = len(workers.executed)
    with pytest.raises(MemberFailing):
        await caller.call("copied", "pay", options=stuck)
    assert len(workers.executed) == executed

    async def well() -> bool:
        with suppress(MemberFailing):
            return bool(await caller.call("copied", "where") == {"result": "a"})
        return False

    await until(well, within=10)
    assert await caller.call("copied", "where") == {"result": "a"}


async def test_a_frozen_instance_gets_no_more_calls_after_the_first_that_it_leaves_unanswered(
    careful: Federation, workers: Workers
) -> None:
    workers.start("a", "b")
    await heard(careful, "a", "b")
    workers.freeze("a")
    stuck = [asyncio.create_task(careful.call("copied", "where", options=CallOptions(timeout=60))) for _ in range(8)]
    await until(lambda: careful.dispatch.routes.instances("copied")["a"].mute, within=10)
    for _ in range(20):
        assert await careful.call("copied", "where") == {"result": "b"}
    for call in stuck:
        call.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
