"""What one replica knows: the registry's index, the leases, the view and the text index, changed together.

The order is fixed here: the registry first (a look-up by id sees the change at once), then the lease, then the text
index (found by words within a commit).
"""

from __future__ import annotations

from collections.abc import Iterable

from bus.subjects import Instance
from directory.clock import Clock
from directory.leases import Leases, Seen
from directory.record import Record
from directory.registry import Change, Registry
from directory.text import TextIndex
from directory.view import View


class Index:
    """One replica's memory. Only for one event loop."""

    def __init__(self, text: TextIndex, clock: Clock) -> None:
        self.registry = Registry()
        self.leases = Leases()
        self.view = View(self.registry, self.leases)
        self.text = text
        self._clock = clock

    def held(self, who: Instance) -> tuple[Record | None, int]:
        """The live record of an instance and the revision of its key; 0 when the key was never seen."""
        return self.registry.record(who), self.registry.revision_of(who)

    def take(self, record: Record, revision: int) -> None:
        """Hold a record of the bucket."""
        self._follow(self.registry.apply(record, revision))

    def drop(self, who: Instance) -> None:
        """The key is gone from the bucket."""
        self._follow(self.registry.forget(who))

    def load(self, snapshot: Iterable[tuple[Record, int]]) -> None:
        """Hold exactly this snapshot."""
        for change in self.registry.replace_all(snapshot):
            self._follow(change)

    def hear(self, who: Instance, load: float = 0.0, in_flight: int = 0, limit: int = 0) -> None:
        """A sign of life: the lease of `who` begins anew."""
        self.leases.renew(who, Seen(self._clock(), load, in_flight, limit))
        self.view.touch(who)

    def grace(self) -> None:
        """Give every instance a full lease from now: heartbeats may have been missed through no fault of theirs."""
        self.leases.restart(self._clock())

    def _follow(self, change: Change) -> None:
        if not change.visible:
            return
        if self.registry.record(change.who) is None:
            self.leases.drop(change.who)
        else:
            self.leases.grant(change.who, self._clock())
        self.text.follow(change)
