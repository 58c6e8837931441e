"""`python -m tests.chaos.power_loss [--times 1000] [--cut]`: a server that ends right after an acknowledgement.

One nats-server as `omega up` configures it, or three. Writers put records through the registry's own bucket; in the
same moment as an acknowledgement is read the server is killed with SIGKILL. It is started again on what is on the disk,
and every write that was ever acknowledged must be there, byte for byte, at its revision.

A killed process loses what it had not yet written, not what the kernel had not yet brought to the disk. With `--cut`
it loses that too: the store is on a disk of which only what was synced survives (`power_cut`). `write_path` shows the
sync itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvloop

from bus import Bus, BusSettings
from bus.errors import FederationError
from bus.kv import Bucket, RevisionChanged, Write
from bus.logs import configure_logs
from bus.streams import prepare
from omega.embedded import ServerPlan, system_login
from omega.ports import free_port
from tests.chaos.power_cut import Disk, disk, why_not
from tests.chaos.process import end_on_sigterm
from tests.support.cluster import HOST, NatsCluster, NatsNode

STARTS_WITHIN_S = 30.0
WHOLE_EVERY = 100
"""Rounds after which everything is read, and not only what the last round wrote."""
MOST_ACKNOWLEDGED = 12
"""In one round before the kill."""


@dataclass(slots=True)
class Tally:
    """What was acknowledged, and what was found."""

    kills: int = 0
    acknowledged: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Revision and value, by key."""
    unconfirmed: int = 0
    """Writes under way when the server was killed: each may be there or not."""
    lost: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def told(self) -> str:
        """One line."""
        return (
            f"{self.kills:,} kills in {self.seconds:.0f} s, {len(self.acknowledged):,} acknowledged writes, "
            f"{self.unconfirmed:,} unconfirmed ones, {len(self.lost)} acknowledged ones lost"
        )


class Servers:
    """One server or three, each with its store below `directory`, or on a disk of its own whose power can be cut."""

    def __init__(self, directory: Path, count: int = 1, disks: Sequence[Disk] = ()) -> None:
        self.nodes = _nodes(directory, count)
        self._disks = disks
        for node, disk_of_it in zip(self.nodes, disks, strict=False):
            node.plan = replace(node.plan, store=disk_of_it.path)

    def unsync(self) -> None:
        """Let nats-server sync when it likes, as it does by itself."""
        for node in self.nodes:
            node.edit = lambda text: text.replace("sync_interval: always", "")

    def settings(self) -> BusSettings:
        url = ",".join(node.url for node in self.nodes)
        return BusSettings(
            nats_url=url, replicas=len(self.nodes), connect_timeout_s=STARTS_WITHIN_S, max_backoff_s=0.02
        )

    def start(self, *, again: bool) -> None:
        """Start all; with `again`, on what survived the last end."""
        for one in self._disks if again else ():
            one.restore()
        for node in self.nodes:
            node.start()

    def end(self) -> None:
        """All at once: killed, and the power of their disks gone."""
        self.kill()
        for one in self._disks:
            one.cut()

    def kill(self) -> None:
        for node in self.nodes:
            if node.running:
                os.kill(node.pid, signal.SIGKILL)
        for node in self.nodes:
            node.kill()


def _nodes(directory: Path, count: int) -> list[NatsNode]:
    if count > 1:
        return NatsCluster(directory, count).nodes
    directory.mkdir(parents=True, exist_ok=True)
    login = system_login(directory / "login.json")
    return [NatsNode(ServerPlan(free_port(HOST), directory / "store", login))]


class PowerLoss:
    """Servers killed together, round after round."""

    def __init__(self, servers: Servers, draw: random.Random) -> None:
        self.tally = Tally()
        self._servers = servers
        self._draw = draw

    async def rounds(self, times: int, writers: int) -> None:
        """Alternately a single write and a burst of concurrent ones, each ended by a kill; then a last look."""
        began = time.monotonic()
        try:
            for number in range(times):
                await self._round(number, 1 if number % 2 == 0 else writers, whole=number % WHOLE_EVERY == 0)
            async with self._serving() as bucket:
                await self._compare(bucket, since=1)
        finally:
            self._servers.kill()
            self.tally.seconds = time.monotonic() - began

    async def _round(self, number: int, writers: int, *, whole: bool) -> None:
        async with self._serving() as bucket:
            newest = [revision for revision, _ in list(self.tally.acknowledged.values())[-MOST_ACKNOWLEDGED * 2 :]]
            await self._compare(bucket, since=1 if whole else min(newest, default=1))
            left = 1 if writers == 1 else self._draw.randint(1, MOST_ACKNOWLEDGED)
            burst = _Burst(self._end, self.tally, left)
            await asyncio.gather(*(burst.write(bucket, f"round{number}.writer{one}") for one in range(writers)))

    def _end(self) -> None:
        self._servers.end()
        self.tally.kills += 1

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[Bucket]:
        """The servers, started on what is there, and the bucket."""
        self._servers.start(again=self.tally.kills > 0)
        bus = await Bus.connect(self._servers.settings(), name="power-loss")
        try:
            await _prepared(bus)
            yield Bucket(bus, bus.settings.bucket)
        finally:
            await bus.close()

    async def _compare(self, bucket: Bucket, since: int) -> None:
        state = await bucket.state()
        entries, _ = await bucket.read_from(since, state.last)
        there = {entry.key: (entry.revision, entry.value) for entry in entries}
        for key, acknowledged in self.tally.acknowledged.items():
            if acknowledged[0] >= since and there.get(key) != acknowledged:
                self.tally.lost.add(f"{key} at revision {acknowledged[0]}")


async def _prepared(bus: Bus) -> None:
    """Return when the storage serves; a cluster elects a leader first. Raises TimeoutError."""
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            try:
                await prepare(bus)
                await Bucket(bus, bus.settings.bucket).state()
            except FederationError:
                await asyncio.sleep(0.05)
            else:
                return


@dataclass(slots=True)
class _Burst:
    """Writers beside each other, until the server is dead."""

    end: Callable[[], None]
    tally: Tally
    left: int
    """Acknowledgements until the kill."""

    async def write(self, bucket: Bucket, key: str) -> None:
        number = 0
        while self.left > 0:
            number += 1
            named, value = f"{key}-{number}", f'{{"written": "{key}-{number}"}}'.encode()
            try:
                revision = await bucket.put(Write(named, value, 0))
            except (FederationError, RevisionChanged):
                self.tally.unconfirmed += 1
                return
            self.tally.acknowledged[named] = (revision, value)
            self.left -= 1
            if self.left == 0:
                self.end()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.power_loss")
    parser.add_argument("--times", type=int, default=1_000, help="kills (default 1000)")
    parser.add_argument("--writers", type=int, default=8, help="writers in a burst (default 8)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--servers", type=int, choices=(1, 3), default=1, help="all killed at once (default 1)")
    parser.add_argument("--cut", action="store_true", help="lose what was not synced, too; needs root on Linux")
    parser.add_argument("--unsynced", action="store_true", help="let nats-server sync when it likes: writes are lost")
    asked = parser.parse_args()
    configure_logs("error", json=False)
    with tempfile.TemporaryDirectory(prefix="omega-power-loss-") as directory:
        return _run(asked, Path(directory))


async def _interruptible(power: PowerLoss, asked: argparse.Namespace) -> None:
    end_on_sigterm()
    await power.rounds(asked.times, asked.writers)


def _run(asked: argparse.Namespace, directory: Path) -> int:
    if asked.cut and (reason := why_not(directory / "tried")) is not None:
        sys.stderr.write(f"{reason}\n")
        return 2
    with ExitStack() as stack:
        count = asked.servers if asked.cut else 0
        disks = [stack.enter_context(disk(directory / f"disk-{number}")) for number in range(count)]
        servers = Servers(directory / "servers", asked.servers, disks)
        if asked.unsynced:
            servers.unsync()
        power = PowerLoss(servers, random.Random(asked.seed))
        try:
            uvloop.run(_interruptible(power, asked))
        finally:
            sys.stdout.write(f"seed {asked.seed}: {power.tally.told()}\n")
            sys.stdout.writelines(f"lost: {one}\n" for one in sorted(power.tally.lost)[:5])
    return 1 if power.tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
