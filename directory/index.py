"""What one replica knows: the registry's index, the leases, the view and the text index, changed together.

The order is fixed here: the registry first (a look-up by id sees the change at once), then the lease, then the text
index (found by words within a commit).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from bus.messages import Heartbeat, Status
from bus.subjects import Instance
from directory.clock import Clock
from directory.leases import Leases, Seen
from directory.life import Beat, hear
from directory.record import Record
from directory.registry import Change, Registry
from directory.text import TextIndex
from directory.view import View

REMEMBERED = 1_000
"""Members that went of which it is remembered what they said last."""


class Index:
    """One replica's memory. Only for one event loop."""

    def __init__(self, text: TextIndex, clock: Clock) -> None:
        self.registry = Registry()
        self.leases = Leases()
        self.view = View(self.registry, self.leases)
        self.text = text
        self.complete_to = 0
        """Every write of the bucket up to this sequence is in here."""
        self.doubted = False
        """Something in here turned out not to be in the bucket: it must be read again."""
        self.turned: set[Instance] = set()
        """Whose record changed since the sweep last looked here."""
        self._departed: OrderedDict[str, Record] = OrderedDict()
        self._clock = clock

    def held(self, who: Instance) -> tuple[Record | None, int]:
        """The live record of an instance and the revision of its key; 0 when the key was never seen."""
        return self.registry.record(who), self.registry.revision_of(who)

    def known(self, member: str) -> Record | None:
        """What discovery shows of a member, or showed last of one that went: the newest `REMEMBERED` of those."""
        found = self.registry.get(member)
        return found.shown if found is not None else self._departed.get(member)

    def hold(self, record: Record, revision: int) -> None:
        """The next write of the bucket is this record."""
        self._follow(self.registry.apply(record, revision))

    def drop(self, who: Instance, revision: int) -> None:
        """The next write of the bucket ended the key of `who`; no effect on what was written since."""
        if self.registry.revision_of(who) < revision:
            self._follow(self.registry.forget(who))

    def learn(self, who: Instance, record: Record | None, revision: int) -> None:
        """What the bucket held of `who` a moment ago, heard beside the order of its writes.

        What was passed already is in here, or was ended since. Where the bucket never had what is in here, all of it
        is in doubt.
        """
        if record is not None and revision > self.complete_to:
            self._follow(self.registry.apply(record, revision))
        elif record is None and revision == 0 and self.registry.record(who) is not None:
            self.doubted = True

    def load(self, snapshot: Iterable[tuple[Record, int]]) -> None:
        """Hold exactly this snapshot."""
        for change in self.registry.replace_all(snapshot):
            self._follow(change)
        self.doubted = False

    def hear(self, who: Instance, load: float = 0.0, in_flight: int = 0, limit: int = 0) -> None:
        """A sign of life: the lease of `who` begins anew."""
        self.leases.renew(who, Seen(self._clock(), load, in_flight, limit))
        self.view.touch(who)

    def weigh(self, who: Instance, told: Heartbeat) -> Beat:
        """What a heartbeat means here; one that is understood renews the lease."""
        record = self.registry.record(who)
        held = (record.epoch, record.digest) if record else None
        beat = hear(record.status if record else None, held, (told.epoch, told.digest))
        if beat is not Beat.RESYNC:
            self.hear(who, told.load, told.in_flight, told.limit)
        return beat

    def grace(self) -> None:
        """Give every instance a full lease from now: heartbeats may have been missed through no fault of theirs."""
        self.leases.restart(self._clock())

    def _follow(self, change: Change) -> None:
        if not change.visible:
            return
        self.turned.add(change.who)
        self._remember(change)
        record = self.registry.record(change.who)
        if record is None:
            self.leases.drop(change.who)
        else:
            # Whoever wrote that it is active had heard it, perhaps at another replica.
            self.leases.grant(change.who, self._clock(), anew=record.status is Status.ACTIVE)
        self.text.follow(change)

    def _remember(self, change: Change) -> None:
        if change.after is not None:
            self._departed.pop(change.after.id, None)
        elif change.before is not None:
            self._departed[change.before.id] = change.before.shown
            if len(self._departed) > REMEMBERED:
                self._departed.popitem(last=False)
