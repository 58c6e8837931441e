"""Slow disks, a server that stutters, clocks that are set: who speaks stays active, and only the silent are stale."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import pytest

from bus import Bus, BusSettings, Federation, Message
from tests.support.federation import calculator, manifest, running_directory, running_member
from tests.support.nats import NatsServer, until

SPEAKING = ("first", "second", "third")
MUTE = "mute"
ONLY_THE_MUTE = {(MUTE, "stale")}
BEAT_S = 0.2
ANNOUNCED_S = 0.5
"""A lease is three times as long."""
BEATS = 15
"""Of every member: two leases."""
FSYNC_S = 0.3
FROZEN_S = 0.15
RUNNING_S = 0.05
HOUR_S = 3_600


class Ear:
    """What the bus tells of the members: heartbeats, and every verdict on them."""

    def __init__(self, bus: Bus) -> None:
        self.beats: Counter[str] = Counter()
        self.verdicts: set[tuple[str, str]] = set()
        bus.listen(bus.subjects.every("heartbeat"), self._beat)
        bus.listen(bus.subjects.event("*", "*"), self._verdict)

    def _beat(self, message: Message) -> None:
        self.beats[message.subject.split(".")[2]] += 1

    def _verdict(self, message: Message) -> None:
        _, _, kind, member = message.subject.split(".")
        if kind in ("stale", "expired"):
            self.verdicts.add((member, kind))

    async def hear(self, beats: int = BEATS) -> None:
        """Return after so many more heartbeats of every member."""
        wanted = {id: self.beats[id] + beats for id in SPEAKING}
        await until(lambda: all(self.beats[id] >= wanted[id] for id in SPEAKING), within=30)


@pytest.fixture
async def ear(bus: Bus, settings: BusSettings) -> AsyncIterator[Ear]:
    """A directory, one member of ours, two that only send heartbeats and answer no probe, and one that says nothing."""
    federation, ear = Federation(bus), Ear(bus)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running_directory(settings))
        await stack.enter_async_context(running_member(calculator(SPEAKING[0]), settings))
        for id in SPEAKING[1:]:
            beating = asyncio.create_task(_beat_on(federation, id))
            stack.callback(beating.cancel)
        await federation.register(manifest(MUTE, heartbeat_interval_s=ANNOUNCED_S))
        yield ear


async def _beat_on(federation: Federation, id: str) -> None:
    await federation.register(manifest(id, heartbeat_interval_s=ANNOUNCED_S))
    while True:
        await federation.heartbeat(id)
        await asyncio.sleep(BEAT_S)


@asynccontextmanager
async def slow_disk(server: NatsServer) -> AsyncIterator[None]:
    """Every fsync of the server takes `FSYNC_S` longer: strace holds it up."""
    faults = ["-e", "trace=fsync", "-e", f"inject=fsync:delay_enter={int(FSYNC_S * 1e6)}"]
    command = ["strace", "-f", *faults, "-o", "/dev/null", "-p", str(server.pid)]
    tracer = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    said = await tracer.stderr.readline()
    if b"attached" not in said:
        pytest.skip(f"strace may not attach here: {said.decode()}")
    try:
        yield
    finally:
        tracer.terminate()
        await tracer.wait()


@asynccontextmanager
async def stuttering(server: NatsServer) -> AsyncIterator[None]:
    """The server stands still three quarters of the time."""

    async def turns() -> None:
        while True:
            server.pause()
            try:
                await asyncio.sleep(FROZEN_S)
            finally:
                server.resume()
            await asyncio.sleep(RUNNING_S)

    task = asyncio.create_task(turns())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the disk slow")
async def test_a_slow_disk_makes_nobody_stale_who_speaks(ear: Ear, bus: Bus, nats_server: NatsServer) -> None:
    async with slow_disk(nats_server):
        began = time.monotonic()
        await Federation(bus).register(manifest("slowly"))
        assert time.monotonic() - began >= FSYNC_S
        writing = asyncio.create_task(_register_on(Federation(bus)))
        await ear.hear()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await until(lambda: ear.verdicts)
    assert ear.verdicts == ONLY_THE_MUTE


async def _register_on(federation: Federation) -> None:
    for number in count():
        await federation.register(manifest(f"another_{number}"))


async def test_a_server_that_stutters_makes_nobody_stale_who_speaks(ear: Ear, nats_server: NatsServer) -> None:
    async with stuttering(nats_server):
        await ear.hear()
        await until(lambda: ear.verdicts)
    assert ear.verdicts == ONLY_THE_MUTE


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the wall clock of this process is wrong; add to it to step the clock."""
    real, steps = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + sum(steps))
    return steps


async def test_a_clock_that_is_set_makes_nobody_stale_who_speaks(wall: list[float], ear: Ear) -> None:
    for step in (HOUR_S, -2 * HOUR_S, HOUR_S):
        wall.append(step)
        await ear.hear(BEATS // 3)
    assert ear.verdicts == ONLY_THE_MUTE


@pytest.mark.parametrize("wrong_by", [HOUR_S, -HOUR_S], ids=["an hour ahead", "an hour behind"])
async def test_a_replica_whose_clock_is_wrong_judges_as_the_others_do(
    wall: list[float], ear: Ear, bus: Bus, settings: BusSettings, wrong_by: float
) -> None:
    wall.append(wrong_by)
    async with running_directory(settings):
        wall.clear()
        await ear.hear()
        statuses = [await _statuses(Federation(bus)) for _ in range(20)]  # whichever replica answers
    assert statuses == [{**dict.fromkeys(SPEAKING, "active"), MUTE: "stale"}] * 20
    assert ear.verdicts == ONLY_THE_MUTE


async def _statuses(federation: Federation) -> dict[str, str]:
    said = await federation.ask("servers", {"status": "any"})
    return {server["id"]: server["status"] for server in said["servers"]}
