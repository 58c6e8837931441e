"""What a run measured: how long nothing succeeded, how soon a death was known, how soon all was well again. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.checker import calm_of, of_member
from tests.chaos.journal import Change, Hurt, Op, Operation, Outcome
from tests.chaos.lives import RIGHTLY
from tests.chaos.plan import Kind

AFTER_S = 3.0
"""How long after the recovery an interruption still counts as that fault's, unless another one has begun."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds measured several times."""

    count: int
    median: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of fault."""

    label: str
    times: int
    gaps: Mapping[Op, float] | None
    """The longest time without a success of each kind of operation, over all faults of the kind. None: with members,
    where none was hurt alone."""
    failed: int
    """Operations that began during it and did not succeed, without those that were rightly refused."""
    recovery: Spread | None


def spread(values: Iterable[float]) -> Spread | None:
    """None: nothing was measured."""
    ordered = sorted(values)
    if not ordered:
        return None
    p99 = ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]
    return Spread(len(ordered), ordered[(len(ordered) - 1) // 2], p99, ordered[-1])


class Successes:
    """When an operation of each kind succeeded."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._at: dict[Op, list[float]] = {op: [] for op in Op}
        for one in operations:
            if one.outcome is Outcome.OK:
                self._at[one.op].append(one.ended)
        for times in self._at.values():
            times.sort()

    def gap(self, op: Op, began: float, ended: float) -> float:
        """The longest time without a success within that window."""
        times = self._at[op]
        within = times[bisect_left(times, began) : bisect_right(times, ended)]
        return max(after - before for before, after in pairwise([began, *within, ended]))


def rows(operations: Sequence[Operation], hurts: Sequence[Hurt]) -> list[Row]:
    """A row for each kind of fault, members last."""
    successes = Successes(operations)
    others = [hurt for hurt in hurts if not of_member(hurt)]
    by_label: dict[str, list[Hurt]] = defaultdict(list)
    for hurt in sorted(hurts, key=lambda one: (of_member(one), one.label)):
        by_label[hurt.label].append(hurt)
    return [_row(some, operations, successes, others) for some in by_label.values()]


def _row(hurts: Sequence[Hurt], operations: Sequence[Operation], successes: Successes, others: Sequence[Hurt]) -> Row:
    windows = [_window(hurt, others) for hurt in hurts]
    if of_member(hurts[0]):
        windows = [one for one in windows if not any(_overlap(one, _window(other, others)) for other in others)]
    gaps = {op: max(successes.gap(op, *window) for window in windows) for op in Op} if windows else None
    failed = sum(
        one.outcome is not Outcome.OK
        and one.code not in RIGHTLY
        and any(began <= one.began <= ended for began, ended in windows)
        for one in operations
    )
    recovery = spread(hurt.recovered - hurt.healed for hurt in hurts if hurt.recovered is not None)
    return Row(hurts[0].label, len(hurts), gaps, failed, recovery)


def _window(hurt: Hurt, others: Sequence[Hurt]) -> tuple[float, float]:
    """From its beginning until some time after the recovery, or until the next fault of anything but a member."""
    ended = (hurt.recovered or hurt.healed) + AFTER_S
    following = [other.began for other in others if other.began > hurt.began and not of_member(hurt)]
    return hurt.began, min([ended, *following])


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def calm_gaps(operations: Sequence[Operation], hurts: Sequence[Hurt]) -> dict[Op, float]:
    """The same while nothing but members was hurt: what the pace of the load and the machine make of it."""
    successes = Successes(operations)
    last = {op: max((one.began for one in operations if one.op is op), default=0.0) for op in Op}
    others = [hurt for hurt in hurts if not of_member(hurt)]
    windows = calm_windows(others, min(one.ended for one in operations), min(last.values()))
    return {op: max((successes.gap(op, *window) for window in windows), default=0.0) for op in Op}


def calm_windows(hurts: Iterable[Hurt], first: float, last: float) -> list[tuple[float, float]]:
    """Where none of them was, a second and longer."""
    at, found = first, []
    for hurt in sorted(hurts, key=lambda one: one.began):
        if hurt.began - at > 1:
            found.append((at, hurt.began))
        at = max(at, (hurt.recovered or hurt.healed) + AFTER_S)
    return [*found, (at, last)] if last - at > 1 else found


def counted(operations: Iterable[Operation]) -> dict[Op, Counter[Outcome]]:
    """How many of each kind came to what."""
    found: dict[Op, Counter[Outcome]] = {op: Counter() for op in Op}
    for one in operations:
        found[one.op][one.outcome] += 1
    return found


def detection(changes: Sequence[Change], hurts: Iterable[Hurt], kind: Kind) -> list[float]:
    """Seconds from the killing or freezing of a member until the registry called it stale.

    One that was thawed before is left out.
    """
    found = []
    for hurt in hurts:
        if of_member(hurt) and hurt.kind == kind:
            at = _first(changes, hurt.target, "stale", hurt.began)
            if at is not None and at <= hurt.healed:
                found.append(at - hurt.began)
    return found


def false_alarms(changes: Iterable[Change], hurts: Sequence[Hurt]) -> tuple[int, int]:
    """How often an instance that nobody had hurt was called stale: in calm, and while other things were hurt.

    Who is connected to a node that is frozen or cut off sends heartbeats that nobody can hear.
    """
    hurt = [(one.target, one.began, (one.recovered or one.healed) + AFTER_S) for one in hurts if of_member(one)]
    calm = calm_of(hurts)
    alarms = [
        change.at
        for change in changes
        if change.status == "stale"
        and not any(key == change.key and began <= change.at <= ended for key, began, ended in hurt)
    ]
    quiet = sum(calm(at, at) for at in alarms)
    return quiet, len(alarms) - quiet


def _first(changes: Iterable[Change], key: str, status: str, since: float) -> float | None:
    return min((one.at for one in changes if one.key == key and one.status == status and one.at >= since), default=None)
