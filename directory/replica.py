"""One directory replica: its stations, put together and run.

It takes part (registers, answers, sweeps) only once its index is complete, and stops in the reverse order. Any
number of replicas run side by side, none of them special.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine
from typing import Any

import structlog

from bus import Bus
from bus.kv import Bucket
from bus.messages import EventKind
from bus.micro import MicroResponder, MicroService
from bus.trail import Trail
from bus.truststore import TrustStore, WatchedStore
from directory.answers import Answers
from directory.clock import steady_clock
from directory.discovery import Discovery
from directory.follow import Follower
from directory.index import Index
from directory.intake import Intake, Rights
from directory.owners import Owners
from directory.partings import Partings
from directory.pulse import Pulse
from directory.settings import DirectorySettings
from directory.signatures import Signatures
from directory.store import Store
from directory.sweep import Sweep
from directory.text import TextIndex
from directory.transfers import Transfers

VERSION = "0.1.0"

log = structlog.get_logger(__name__)


class Directory:
    """A replica of the directory on an open bus. `start`, wait for `ready`, and `stop`."""

    def __init__(self, bus: Bus, settings: DirectorySettings | None = None) -> None:
        self._bus = bus
        self._settings = settings or DirectorySettings()
        self.id = secrets.token_hex(4)
        clock = steady_clock()
        trail = Trail(bus, f"directory/{self.id}")
        bucket = Bucket(bus, bus.settings.bucket)
        self.index = Index(TextIndex(), clock)
        store = Store(bucket, self.index, self._settings.tombstone_s)
        self._started = time.monotonic()
        self.follower = Follower(bus, bucket, self.index, clock)
        self._keys = _watched(self._settings, trail)
        self.owners = Owners(bus)
        rights = Rights(self.owners, Signatures.of(self._settings, self._keys))
        self.intake = Intake(bus, store, self.index, rights, trail=trail, clock=clock)
        self._transfers = Transfers(bus, self.owners, trail)
        self._ear = Bus(bus.settings, f"{bus.name}/pulse", self._settings.heartbeat_gather_s)
        self.pulse = Pulse(self._ear, store, self.index, rights, trail=trail, clock=clock)
        self.sweep = Sweep(bus, store, self.index, trail, clock)
        self._partings = _partings(bus, self._settings, self.index, self.sweep)
        answers = Answers(self.index.registry, self.index.view, self.index.text, facts=self._figures)
        self.discovery = Discovery(bus, self.index, answers)
        self._micro = MicroResponder(bus, self._service())
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Set once the index is complete and this replica takes part."""
        self.broken: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """Done when a station failed: this replica must not go on as if nothing were, and its process should end."""

    async def start(self) -> None:
        """Read the registry and take part. Returns when this replica serves; waits for a storage that is away."""
        self._run(self.index.text.run())
        self._bus.on_return(self.index.grace)
        self._run(self.follower.run(self._settings.gap_check_s))
        await self.follower.ready.wait()
        await self.owners.start()
        self._run(self.owners.run(self._settings.gap_check_s))
        if self._keys is not None:
            self._run(self._keys.run())
        await self._ear.open()
        self._ear.on_return(self.index.grace)
        self.pulse.start(self._bus)
        await self._ear.flush()
        self.intake.start(self._settings.write_concurrency)
        self._transfers.start()
        self.discovery.start()
        self._micro.start()
        if self._partings is not None:
            self._partings.start()
        await self._bus.flush()
        self._run(self.sweep.run(self._settings, hears=lambda: self._ear.connected))
        self.ready.set()
        log.info("directory_ready", id=self.id, members=len(self.index.registry))

    async def stop(self) -> None:
        """Take part no longer; what was accepted is answered by the bus before it closes."""
        await self._micro.stop()
        if self._partings is not None:
            await self._partings.stop()
        await self.discovery.stop()
        await self.intake.stop()
        await self._transfers.stop()
        await self.pulse.stop()
        await self._ear.close()
        await self.follower.stop()
        await self.owners.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.index.text.stop()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bus.spawn(work)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (exc := task.exception()) is not None and not self.broken.done():
            log.critical("directory_broken", id=self.id, exc_info=exc)
            self.broken.set_result(exc)

    def _figures(self) -> dict[str, object]:
        return {
            "replica": self.id,
            "ready": self.ready.is_set(),
            "uptime_s": round(time.monotonic() - self._started, 1),
            "revision": self.follower.place,
            "heartbeats": self.pulse.heard,
        }

    def _service(self) -> MicroService:
        return MicroService(
            name="omega-directory",
            id=self.id,
            version=VERSION,
            description="Registry and discovery of the federation",
            metadata={"omega": "1", "kind": "directory"},
            endpoints=[*self.discovery.endpoints.values(), *self.intake.endpoints],
        )


def _partings(bus: Bus, settings: DirectorySettings, index: Index, sweep: Sweep) -> Partings | None:
    """The station that hears of lost connections; None where the server's events may not be heard."""
    if settings.system_url is None:
        return None
    told = {"nats_url": settings.system_url.get_secret_value(), "credentials": settings.system_credentials}
    system = bus.settings.model_copy(update=told)
    return Partings(Bus(system, f"{bus.name}/system"), index, sweep, settings.probe_timeout_s)


def _watched(settings: DirectorySettings, trail: Trail) -> WatchedStore | None:
    """The trusted keys, each change of them told. Raises InvalidRequest for a store that is broken."""
    if settings.trust_store is None or settings.policy == "off":
        return None

    def changed(before: TrustStore, after: TrustStore) -> None:
        was, now = before.bindings(), after.bindings()
        facts = {
            "added": sorted(now.keys() - was.keys())[:50],
            "removed": sorted(was.keys() - now.keys())[:50],
            "rebound": sorted(kid for kid in now.keys() & was.keys() if now[kid] != was[kid])[:50],
        }
        trail.tell(EventKind.TRUST_CHANGED, None, what="trust store", **facts)

    return WatchedStore(settings.trust_store, changed)
