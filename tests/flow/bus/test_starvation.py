"""One kind of traffic does not starve another: what is small stays quick beside what is large or many.

The bounds are wide, for a busy machine with one core. What is measured is the ratio to the same thing in quiet.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest
import structlog

from bus import Bus, BusSettings, Federation, Message
from bus.calls import CallOptions
from directory import Directory
from tests.support.federation import calculator, manifest, running_member
from tests.support.nats import NatsServer, until

LARGE = 5_000_000
BURST = 50_000
log = structlog.get_logger(__name__)
WORST = 40
"""So many times slower than in quiet may the middle one of many be."""


@pytest.fixture
async def member(settings: BusSettings, directory: Directory) -> AsyncIterator[None]:
    """A calculator that can also give five megabytes."""
    member = calculator()

    @member.tool
    async def give(size: int) -> str:
        """That many letters."""
        return "x" * size

    async with running_member(member, settings):
        yield


async def median_ms(work: Callable[[], Awaitable[object]], times: int) -> float:
    taken = []
    for _ in range(times):
        before = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - before) * 1000)
    return statistics.median(taken)


@asynccontextmanager
async def all_the_while(work: Callable[[], Awaitable[object]], done: list[int]) -> AsyncIterator[None]:
    """`work` over and over beside the block; how often is in `done`."""

    async def repeat() -> None:
        while True:
            await work()
            done[0] += 1

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_large_results_on_the_same_connection_do_not_hold_up_a_small_call(
    federation: Federation, member: None
) -> None:
    async def small() -> object:
        return await federation.call("calculator", "add", {"a": 1, "b": 2})

    async def large() -> None:
        assert len(await federation.call("calculator", "give", {"size": LARGE}, CallOptions(timeout=30))) > 0

    await small()
    done = [0]
    quiet = await median_ms(small, 100)
    async with all_the_while(large, done):
        loaded = await median_ms(small, 100)
    log.info("small_call", quiet_ms=quiet, loaded_ms=loaded, large_ones=done[0])
    assert loaded < max(WORST * quiet, 100)


async def test_a_burst_of_heartbeats_does_not_hold_up_a_registration(
    federation: Federation,
    bus: Bus,
    directory: Directory,
    member: None,
    nats_server: NatsServer,
) -> None:
    numbers = count()

    async def register() -> object:
        return await federation.register(manifest(f"newcomer{next(numbers)}"))

    burst = await one_heartbeat(bus) * BURST
    await register()
    quiet = await median_ms(register, 30)
    heard, started = directory.pulse.heard, time.perf_counter()
    sending = asyncio.create_task(send_raw(nats_server, burst))
    await until(lambda: directory.pulse.heard - heard > 500)
    loaded = await median_ms(register, 200)
    meanwhile = directory.pulse.heard - heard
    await sending
    await until(lambda: directory.pulse.heard - heard >= BURST, within=20)
    seconds = time.perf_counter() - started
    log.info("registration", quiet_ms=quiet, loaded_ms=loaded, heard_meanwhile=meanwhile, all_heard_s=seconds)
    assert meanwhile > 1_000
    assert loaded < max(WORST * quiet, 200)


async def test_a_wire_that_gathers_does_not_fall_behind_a_flood(settings: BusSettings, bus: Bus) -> None:
    ear = await Bus.connect(settings, name="ear", gather_s=0.5)
    heard: list[int] = []
    ear.listen("flood", lambda m: heard.append(len(m.data)))
    await ear.flush()
    for _ in range(5_000):
        await bus.publish("flood", bytes(500))
    await until(lambda: len(heard) == 5_000, within=10)  # one buffer a pause would take twenty seconds
    await ear.close()


async def one_heartbeat(bus: Bus) -> bytes:
    """A heartbeat of the member as the protocol has it."""
    arrived: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    hearing = bus.listen(bus.subjects.every("heartbeat"), lambda m: arrived.done() or arrived.set_result(m))
    async with asyncio.timeout(5):
        beat = await arrived
    await hearing.stop()
    head = "".join(f"{name}: {value}\r\n" for name, value in beat.headers.items())
    block = f"NATS/1.0\r\n{head}\r\n".encode() if head else b""
    size = len(block) + len(beat.data)
    line = f"HPUB {beat.subject} {len(block)} {size}" if block else f"PUB {beat.subject} {size}"
    return b"%s\r\n%s%s\r\n" % (line.encode(), block, beat.data)


async def send_raw(server: NatsServer, burst: bytes) -> None:
    """All of it at once, as fast as the server takes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b'CONNECT {"headers": true}\r\n' + burst + b"PING\r\n")
    async with asyncio.timeout(20):
        while b"PONG" not in await reader.readline():
            pass
    writer.close()
    await writer.wait_closed()
