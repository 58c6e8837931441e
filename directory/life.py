"""The life of an instance: `active → stale → (expired | active)`, `left`. Decisions only; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bus.messages import Status
from directory.record import Record


class Verdict(Enum):
    """What a look at a lease finds."""

    KEEP = "keep"
    SUSPECT = "suspect"
    """Silent for a lease: ask it; without an answer it is stale."""
    EXPIRE = "expire"
    """Stale and silent for too long: remove it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The two times of a life."""

    lease_factor: float
    remove_after_s: float

    def lease(self, interval_s: float) -> float:
        """Seconds of silence after which an instance is suspect."""
        return self.lease_factor * interval_s

    def removal(self, interval_s: float) -> float:
        """Seconds of silence after which a stale instance is removed: never before two leases."""
        return max(self.remove_after_s, 2 * self.lease(interval_s))


def next_look(status: Status, interval_s: float, heard_at: float, rules: Rules) -> float:
    """When the next look at an instance can find anything, provided that it says nothing until then."""
    silence = rules.removal(interval_s) if status is Status.STALE else rules.lease(interval_s)
    return heard_at + silence


def look(status: Status, interval_s: float, silent_s: float, rules: Rules) -> Verdict:
    """What to do about an instance that was silent for `silent_s` seconds."""
    if status is Status.ACTIVE and silent_s > rules.lease(interval_s):
        return Verdict.SUSPECT
    if status is Status.STALE and silent_s > rules.removal(interval_s):
        return Verdict.EXPIRE
    return Verdict.KEEP


class Beat(Enum):
    """What a heartbeat means to a replica."""

    RENEW = "renew"
    REVIVE = "revive"
    """It was stale and is there: write it active."""
    RESYNC = "resync"
    """The registry does not hold what this instance runs: ask it to announce itself."""


def hear(status: Status | None, known: tuple[int, str] | None, told: tuple[int | None, str | None]) -> Beat:
    """What a heartbeat means, given the status and (epoch, digest) held and the (epoch, digest) told, if any.

    An older epoch than the one held is a displaced process: it is asked too, so that it learns of the conflict.
    """
    if status not in (Status.ACTIVE, Status.STALE) or known is None:
        return Beat.RESYNC
    epoch, digest = told
    if (epoch is not None and epoch != known[0]) or (digest is not None and digest != known[1]):
        return Beat.RESYNC
    return Beat.REVIVE if status is Status.STALE else Beat.RENEW


def turn(current: Record | None, judged: Record, status: Status, now: float) -> Record | None:
    """The record in another status, provided that it still is as it was judged; None: it moved on, leave it."""
    return judged.turned(status, now) if current == judged else None


def revive(current: Record | None, epoch: int, now: float) -> Record | None:
    """The stale life of that epoch, active again; None: it is not stale, or another life."""
    if current is None or current.status is not Status.STALE or current.epoch != epoch:
        return None
    return current.turned(Status.ACTIVE, now)
