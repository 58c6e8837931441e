"""The index of the registry: what the bucket says, arranged for look-up.

Synchronous, in memory, for one event loop. There is one `_add` and one `_remove`; every path to a change goes
through both, so that no secondary index can disagree with the members.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bus.messages import Status, StatusFilter
from bus.subjects import Instance
from directory.member import Member, by_place, member_of
from directory.order import Order
from directory.record import Record

_NOBODY: frozenset[str] = frozenset()
_NEVER: tuple[int, Record | None] = (0, None)
"""Of a key that was never seen; the bucket's own revisions begin at 1."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one record did to what discovery shows of its member."""

    who: Instance
    before: Member | None
    after: Member | None

    @property
    def visible(self) -> bool:
        """Whether anything changed; a late or repeated record changes nothing."""
        return self.before is not self.after

    @property
    def retold(self) -> bool:
        """Whether the manifest that is shown is another, so that the text index must follow."""
        said = self.before.manifest if self.before else None
        says = self.after.manifest if self.after else None
        return said is not says and said != says


class Registry:
    """Every live member, found by id, tag and capability, and in the order of names."""

    def __init__(self) -> None:
        self.version = 0
        """Rises with every visible change; two equal versions of one registry give equal answers."""
        self.revision = 0
        """The highest bucket revision applied."""
        self.instances = 0
        """Live instances of all members."""
        self._held: dict[Instance, tuple[int, Record | None]] = {}
        self._members: dict[str, Member] = {}
        self._by_tag: dict[str, set[str]] = {}
        self._by_capability: dict[str, set[str]] = {}
        self._order: dict[Status, Order] = {Status.ACTIVE: Order(), Status.STALE: Order()}

    # writing ----------------------------------------------------------------------------------------------------

    def apply(self, record: Record, revision: int) -> Change:
        """Take a record of the bucket; a tombstone removes. One not newer than the last of its key is ignored."""
        if revision <= self._held.get(record.who, _NEVER)[0]:
            member = self._members.get(record.who.member)
            return Change(record.who, member, member)
        return self._take(record, revision)

    def forget(self, who: Instance) -> Change:
        """The key is gone from the bucket: drop the instance, and the memory of its revision."""
        return self._set(who, self._held.pop(who, _NEVER)[1], None)

    def replace_all(self, snapshot: Iterable[tuple[Record, int]]) -> list[Change]:
        """Hold exactly `snapshot`, whatever was held before, revisions included. The visible changes."""
        latest: dict[Instance, tuple[Record, int]] = {}
        for record, revision in snapshot:
            if record.who not in latest or latest[record.who][1] < revision:
                latest[record.who] = (record, revision)
        self.revision = 0
        changes = [self.forget(who) for who in self._held.keys() - latest.keys()]
        changes += [self._take(record, revision) for record, revision in latest.values()]
        return [change for change in changes if change.visible]

    # looking up -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._members)

    def get(self, member: str) -> Member | None:
        """The member of that id, active or stale."""
        return self._members.get(member)

    def ids(self) -> Collection[str]:
        return self._members.keys()

    def record(self, who: Instance) -> Record | None:
        """The live record of an instance."""
        return self._held.get(who, _NEVER)[1]

    def records(self) -> list[Record]:
        """Every live record."""
        return [record for _, record in self._held.values() if record is not None]

    def revision_of(self, who: Instance) -> int:
        """The bucket revision last applied for an instance, a tombstone's too; 0 when none was."""
        return self._held.get(who, _NEVER)[0]

    def tagged(self, tag: str) -> AbstractSet[str]:
        """Ids of the members with that tag, exactly. The registry's own set: read it, do not keep it."""
        return self._by_tag.get(tag, _NOBODY)

    def capable(self, capability: str) -> AbstractSet[str]:
        """Ids of the members with that capability, exactly. The registry's own set, as for `tagged`."""
        return self._by_capability.get(capability, _NOBODY)

    def in_order(self, status: StatusFilter = "any") -> Sequence[Member]:
        """All members of that status, by name. The registry's own list: read it, do not keep it."""
        active, stale = self._order[Status.ACTIVE].members, self._order[Status.STALE].members
        if status == "any":
            return sorted([*active, *stale], key=by_place) if stale else active
        return active if status == "active" else stale

    def count(self, status: StatusFilter = "any") -> int:
        """The number of members of that status."""
        return len(self._members) if status == "any" else len(self._order[Status(status)])

    def tag_counts(self, status: StatusFilter = "any") -> list[tuple[str, int]]:
        """Each tag with its number of members of that status, the most frequent first; none without a member."""
        stale = {member.id for member in self._order[Status.STALE].members}
        counted = ((tag, _count(ids, stale, status)) for tag, ids in self._by_tag.items())
        return sorted((pair for pair in counted if pair[1]), key=lambda pair: (-pair[1], pair[0]))

    # the one way to change --------------------------------------------------------------------------------------

    def _take(self, record: Record, revision: int) -> Change:
        before = self._held.get(record.who, _NEVER)[1]
        after = record if record.live else None
        self._held[record.who] = (revision, after)
        self.revision = max(self.revision, revision)
        return self._set(record.who, before, after)

    def _set(self, who: Instance, old: Record | None, record: Record | None) -> Change:
        before = self._members.get(who.member)
        if old == record:
            return Change(who, before, before)
        after = member_of(_with(before, who, record))
        if before is not None:
            self._remove(before)
        if after is not None:
            self._add(after)
        self.version += 1
        return Change(who, before, after)

    def _add(self, member: Member) -> None:
        self._members[member.id] = member
        for tag in member.tags:
            self._by_tag.setdefault(tag, set()).add(member.id)
        for capability in member.capabilities:
            self._by_capability.setdefault(capability, set()).add(member.id)
        self._order[member.status].add(member)
        self.instances += len(member.instances)

    def _remove(self, member: Member) -> None:
        del self._members[member.id]
        _unlist(self._by_tag, member.tags, member.id)
        _unlist(self._by_capability, member.capabilities, member.id)
        self._order[member.status].remove(member)
        self.instances -= len(member.instances)


def _with(member: Member | None, who: Instance, record: Record | None) -> list[Record]:
    """The member's instances with `record` in the place of that instance's, by instance id."""
    held = member.instances if member else ()
    kept = [other for other in held if other.who.instance != who.instance]
    if record is not None:
        insort(kept, record, key=lambda one: one.who.instance)
    return kept


def _unlist(index: dict[str, set[str]], words: Iterable[str], member: str) -> None:
    for word in words:
        index[word].discard(member)
        if not index[word]:
            del index[word]


def _count(ids: AbstractSet[str], stale: AbstractSet[str], status: StatusFilter) -> int:
    if status == "any" or not stale:
        return 0 if status == "stale" else len(ids)
    away = len(ids & stale)
    return away if status == "stale" else len(ids) - away
