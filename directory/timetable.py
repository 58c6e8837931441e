"""When to look at whom: an instance is looked at when its lease could be over, not at every sweep."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush
from math import inf

from bus.subjects import Instance


class Timetable:
    """The next look at each instance. Cost grows with the looks that are due, not with the instances."""

    def __init__(self) -> None:
        self._planned: dict[Instance, float] = {}
        self._queue: list[tuple[float, str, str]] = []

    def follow(self, instances: Collection[Instance], now: float) -> None:
        """Know exactly `instances`: look at the new ones now, at the gone ones never again."""
        if self._planned.keys() == instances:
            return
        known = set(instances)
        for who in known - self._planned.keys():
            self.plan(who, now)
        for who in self._planned.keys() - known:
            del self._planned[who]

    def plan(self, who: Instance, at: float) -> None:
        """Look at `who` at that time, and not before."""
        self._planned[who] = at
        heappush(self._queue, (at, who.member, who.instance))

    def due(self, now: float) -> list[Instance]:
        """Whom to look at now; each must be planned again, or is not looked at any more."""
        found = []
        while self._queue and self._queue[0][0] <= now:
            at, member, instance = heappop(self._queue)
            who = Instance(member, instance)
            if self._planned.get(who) == at:
                found.append(who)
                self._planned[who] = inf
        return found
