"""Whom a sweep must look after: decided on the index, without a word to anybody."""

from __future__ import annotations

from dataclasses import dataclass

from bus.messages import Status
from bus.subjects import Instance
from directory.clock import Clock
from directory.index import Index
from directory.leases import Seen
from directory.life import Rules, Verdict, look, next_look, turn
from directory.record import Record
from directory.store import Decision
from directory.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Due:
    """One instance that was silent for too long, as it was when that was found."""

    who: Instance
    verdict: Verdict
    record: Record
    seen: Seen

    @property
    def becomes(self) -> Status:
        """What it is when nothing speaks against the verdict."""
        return Status.EXPIRED if self.verdict is Verdict.EXPIRE else Status.STALE


def turning(due: Due, index: Index, clock: Clock) -> Decision:
    """What to write about `due`: nothing where it is another record by then, or gave a sign of life."""

    def decision(current: Record | None) -> Record | None:
        spoke = index.leases.of(due.who) is not due.seen
        return None if spoke else turn(current, due.record, due.becomes, clock())

    return decision


def judged(who: Instance, verdict: Verdict, index: Index) -> Due | None:
    """`who` as it is now; None when it is not here any more."""
    record, seen = index.registry.record(who), index.leases.of(who)
    return None if record is None or seen is None else Due(who, verdict, record, seen)


def due_now(index: Index, timetable: Timetable, rules: Rules, now: float) -> list[Due]:
    """Who must be suspected or removed; everybody else is planned for the next time it can matter."""
    while index.turned:
        timetable.plan(index.turned.pop(), now)
    timetable.follow(index.leases.instances(), now)
    found: list[Due] = []
    for who in timetable.due(now):
        one = judged(who, Verdict.KEEP, index)
        if one is None:
            continue
        interval, status = one.record.heartbeat_interval_s, one.record.status
        verdict = look(status, interval, now - one.seen.at, rules)
        if verdict is not Verdict.KEEP:
            found.append(Due(who, verdict, one.record, one.seen))
        timetable.plan(who, max(next_look(status, interval, one.seen.at, rules), now))
    return found
