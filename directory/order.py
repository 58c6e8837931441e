"""Members in the order of their names, cheap to fill: what comes is put in its place when somebody looks.

Putting a hundred thousand members into a sorted list one by one moves the list a hundred thousand times.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

from directory.member import Member, by_place

_FEW = 64
"""Up to so many are put in place one by one, more by sorting: the list itself is sorted already."""


class Order:
    """A set of members, read in order."""

    def __init__(self) -> None:
        self._sorted: list[Member] = []
        self._fresh: list[Member] = []

    def __len__(self) -> int:
        return len(self._sorted) + len(self._fresh)

    def add(self, member: Member) -> None:
        self._fresh.append(member)

    def remove(self, member: Member) -> None:
        """Take out a member that was added."""
        members = self.members
        del self._sorted[bisect_left(members, member.place, key=by_place)]

    @property
    def members(self) -> Sequence[Member]:
        """All of them, by name. The order's own list: read it, do not keep it."""
        if self._fresh:
            self._settle()
        return self._sorted

    def _settle(self) -> None:
        fresh, self._fresh = self._fresh, []
        if len(fresh) <= _FEW:
            for member in fresh:
                insort(self._sorted, member, key=by_place)
        else:
            self._sorted.extend(fresh)
            self._sorted.sort(key=by_place)
