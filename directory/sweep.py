"""The station that notices silence: suspect, ask, then write; never on one missed signal.

Every replica sweeps. Whoever writes first wins the compare-and-swap, and the others find it done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bus import Bus, Instance
from bus.errors import DeadlineExceeded, Disconnected, FederationError, NoInstance, OutcomeUnknown
from bus.messages import EventKind, Status
from bus.trail import Trail
from directory.clock import Clock
from directory.due import Due, due_now, judged, turning
from directory.index import Index
from directory.life import Rules, Verdict
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
        due = due_now(self._index, self._timetable, rules, self._clock())
        turns = asyncio.Semaphore(PROBES_AT_ONCE)

        async def one(who: Due) -> None:
            async with turns:
                await (self._suspect(who, probe_s) if who.verdict is Verdict.SUSPECT else self._expire(who))

        async with asyncio.TaskGroup() as group:
            for who in due:
                group.create_task(one(who))

    async def doubt(self, who: Instance, probe_s: float) -> None:
        """Ask an instance whose connection was lost; it is stale at once where nobody listens any more.

        One that is only slow to answer keeps its lease.
        """
        doubted = judged(who, Verdict.SUSPECT, self._index)
        if doubted is None or doubted.record.status is not Status.ACTIVE:
            return
        try:
            await self._bus.request(self._bus.subjects.ping(who), b"", timeout=probe_s)
        except NoInstance as exc:
            await self._turn(doubted, reason=f"connection lost, {exc.code}")
        except FederationError as exc:
            log.debug("not_asked", member=who.member, error=exc.code)

    async def _suspect(self, due: Due, probe_s: float) -> None:
        try:
            await self._bus.request(self._bus.subjects.ping(due.who), b"", timeout=probe_s)
        except (NoInstance, DeadlineExceeded) as exc:
            await self._turn(due, reason=exc.code)
        except (Disconnected, OutcomeUnknown) as exc:
            log.debug("not_asked", member=due.who.member, error=exc.code)  # our own connection says nothing of them
        except FederationError:
            self._heard(due)  # an error is an answer too
        else:
            self._heard(due)

    def _heard(self, due: Due) -> None:
        seen = self._index.leases.of(due.who) or due.seen
        self._index.hear(due.who, seen.load, seen.in_flight, seen.limit)

    async def _expire(self, due: Due) -> None:
        await self._turn(due, reason="silent for too long")

    async def _turn(self, due: Due, *, reason: str) -> None:
        """Write what the verdict means, provided that the instance is as it was judged, and said nothing since."""
        try:
            stored = await self._store.decide(due.who, turning(due, self._index, self._clock))
        except FederationError as exc:
            log.warning("not_swept", member=due.who.member, error=exc.code)
            return
        if stored.written:
            self._trail.tell(EventKind(due.becomes.value), due.who, reason=reason)
