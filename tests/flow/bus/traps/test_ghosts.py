"""Calls around a lost link: refused at once, told at once, and never executed after their caller gave up."""

from __future__ import annotations

import asyncio
import time

import nats
import pytest

from bus import Bus
from bus.errors import Disconnected, OutcomeUnknown
from tests.support.bare_nats import bare_client
from tests.support.fault_proxy import Direction, FaultProxy
from tests.support.nats import until


async def test_the_bare_client_executes_a_call_after_its_caller_gave_up(proxy: FaultProxy, near: Bus) -> None:
    executed: list[bytes] = []
    near.listen("pay", lambda m: executed.append(m.data))
    await near.flush()
    async with bare_client(proxy.url, reconnect_time_wait=0.05) as client:
        proxy.refuse()
        proxy.cut()
        await until(lambda: client.is_reconnecting)
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("pay", b"once", timeout=0.2)
        assert executed == []
        await proxy.accept()
        await until(lambda: executed)
    assert executed == [b"once"]


async def test_a_call_made_while_away_is_refused_in_milliseconds_and_never_executed(
    proxy: FaultProxy, far: Bus, near: Bus
) -> None:
    executed: list[bytes] = []
    near.listen("pay", lambda m: executed.append(m.data))
    await near.flush()
    proxy.refuse()
    proxy.cut()
    await until(lambda: not far.connected)
    before = time.perf_counter()
    for send in (far.request("pay", b"ghost", timeout=5), far.publish("pay", b"ghost")):
        with pytest.raises(Disconnected):
            await send
    assert time.perf_counter() - before < 0.05
    await proxy.accept()
    await until(lambda: far.connected)
    await far.publish("pay", b"alive")
    await until(lambda: executed)
    assert executed == [b"alive"]


async def test_what_was_held_up_when_the_link_went_is_not_sent_on_the_next_one(
    proxy: FaultProxy, far: Bus, near: Bus
) -> None:
    executed: list[bytes] = []
    near.listen("pay", lambda m: executed.append(m.data[:5]))
    await near.flush()
    proxy.hold(Direction.TO_SERVER)
    for _ in range(100):
        far.send("pay", b"ghost" + bytes(100_000))  # more than sockets and proxy hold between them
    await asyncio.sleep(0)
    proxy.cut()
    await until(lambda: not far.connected)
    proxy.heal()
    await until(lambda: far.connected)
    await far.publish("pay", b"alive")
    await far.flush()
    await until(lambda: b"alive" in executed)
    assert executed == [b"alive"]


async def test_the_bare_client_waits_for_an_answer_that_cannot_come(proxy: FaultProxy, near: Bus) -> None:
    near.listen("slow", lambda m: None)
    await near.flush()
    async with bare_client(proxy.url, reconnect_time_wait=0.05) as client:
        waiting = asyncio.create_task(client.request("slow", timeout=1))
        await client.flush()
        proxy.cut()
        await until(lambda: not client.is_connected)
        before = time.perf_counter()
        with pytest.raises(nats.errors.TimeoutError):
            await waiting
    assert time.perf_counter() - before > 0.5


async def test_a_call_in_flight_when_the_link_goes_is_of_unknown_outcome_at_once(
    proxy: FaultProxy, far: Bus, near: Bus
) -> None:
    arrived = asyncio.Event()
    near.listen("slow", lambda m: arrived.set())
    await near.flush()
    waiting = asyncio.create_task(far.request("slow", b"", timeout=30))
    async with asyncio.timeout(2):
        await arrived.wait()
    before = time.perf_counter()
    proxy.cut()
    with pytest.raises(OutcomeUnknown):
        await waiting
    assert time.perf_counter() - before < 0.2
    assert far.waiting == 0
