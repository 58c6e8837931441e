"""The station that notices silence: suspect, ask, then write; never on one missed signal.

Every replica sweeps. Whoever writes first wins the compare-and-swap, and the others find it done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bus import Bus, Instance
from bus.errors import FederationError, NoInstance
from bus.messages import EventKind, Status
from bus.trail import Trail
from directory.clock import Clock
from directory.index import Index
from directory.life import Rules, Verdict, look, next_look
from directory.record import Record
from directory.settings import DirectorySettings
from directory.store import Store
from directory.timetable import Timetable

PROBES_AT_ONCE = 64
_STALLED = 5
"""A sweep so many intervals late means that this process stood still, not that the members were silent."""

log = structlog.get_logger(__name__)


class Sweep:
    """Looks at every lease once in `sweep_interval_s`."""

    def __init__(self, bus: Bus, store: Store, index: Index, trail: Trail, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._index = index
        self._trail = trail
        self._clock = clock
        self._timetable = Timetable()

    async def run(self, settings: DirectorySettings, hears: Callable[[], bool]) -> None:
        """Sweep until cancelled. While `hears` says that heartbeats cannot reach us, silence means nothing."""
        rules = Rules(settings.lease_factor, settings.remove_after_s)
        last = self._clock()
        while True:
            await asyncio.sleep(settings.sweep_interval_s)
            now = self._clock()
            if now - last > _STALLED * max(1.0, settings.sweep_interval_s):
                log.warning("sweep_stood_still", seconds=round(now - last, 1))
                self._index.grace()
            elif self._bus.connected and hears():
                await self._round(rules, settings.probe_timeout_s)
            last = self._clock()

    async def _round(self, rules: Rules, probe_s: float) -> None:
        now = self._clock()
        due = self._verdicts(rules, now)
        turns = asyncio.Semaphore(PROBES_AT_ONCE)

        async def one(who: Instance, verdict: Verdict) -> None:
            async with turns:
                await (self._suspect(who, probe_s) if verdict is Verdict.SUSPECT else self._expire(who))

        async with asyncio.TaskGroup() as group:
            for who, verdict in due:
                group.create_task(one(who, verdict))

    def _verdicts(self, rules: Rules, now: float) -> list[tuple[Instance, Verdict]]:
        """Who must be suspected or removed now; everybody else is planned for the next time it can matter."""
        self._timetable.follow(self._index.leases.instances(), now)
        found: list[tuple[Instance, Verdict]] = []
        for who in self._timetable.due(now):
            record, seen = self._index.registry.record(who), self._index.leases.of(who)
            if record is None or seen is None:
                continue
            verdict = look(record.status, record.heartbeat_interval_s, now - seen.at, rules)
            if verdict is not Verdict.KEEP:
                found.append((who, verdict))
            at = next_look(record.status, record.heartbeat_interval_s, seen.at, rules)
            self._timetable.plan(who, max(at, now))
        return found

    async def doubt(self, who: Instance, probe_s: float) -> None:
        """Ask an instance whose connection was lost; it is stale at once where nobody listens any more.

        One that is only slow to answer keeps its lease.
        """
        try:
            await self._bus.request(self._bus.subjects.ping(who), b"", timeout=probe_s)
        except NoInstance as exc:
            await self._turn(who, Status.ACTIVE, Status.STALE, reason=f"connection lost, {exc.code}")
        except FederationError as exc:
            log.debug("not_asked", member=who.member, error=exc.code)

    async def _suspect(self, who: Instance, probe_s: float) -> None:
        try:
            await self._bus.request(self._bus.subjects.ping(who), b"", timeout=probe_s)
        except FederationError as exc:
            await self._turn(who, Status.ACTIVE, Status.STALE, reason=exc.code)
        else:
            seen = self._index.leases.of(who)
            told = (seen.load, seen.in_flight, seen.limit) if seen else ()
            self._index.hear(who, *told)

    async def _expire(self, who: Instance) -> None:
        await self._turn(who, Status.STALE, Status.EXPIRED, reason="silent for too long")

    async def _turn(self, who: Instance, expected: Status, status: Status, *, reason: str) -> None:
        """Write `status`, provided that the instance still is as it was judged."""
        heard = self._index.leases.of(who)

        def decision(current: Record | None) -> Record | None:
            spoke = self._index.leases.of(who) is not heard
            if current is None or current.status is not expected or spoke:
                return None
            return current.turned(status, self._clock())

        try:
            stored = await self._store.decide(who, decision)
        except FederationError as exc:
            log.warning("not_swept", member=who.member, error=exc.code)
            return
        if stored.written:
            self._trail.tell(EventKind(status.value), who, reason=reason)
