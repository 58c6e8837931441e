"""The registry's index: what it shows of which records, compared with a search by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bus.messages import Status
from bus.subjects import Instance
from directory.record import Record
from directory.registry import Registry
from tests.unit.directory.samples import odd_record, record

LIVE = (Status.ACTIVE, Status.STALE)


def registry_of(*records: Record) -> Registry:
    registry = Registry()
    for revision, one in enumerate(records, 1):
        registry.apply(one, revision)
    return registry


def shown(registry: Registry, member: str) -> Record:
    found = registry.get(member)
    assert found is not None
    return found.shown


def test_a_member_is_found_by_id_tag_and_capability() -> None:
    registry = registry_of(record("a", tags=["code"], capabilities=["repo.read"]), record("b", tags=["code", "x"]))
    assert (registry.tagged("code"), registry.tagged("x"), registry.tagged("Code")) == ({"a", "b"}, {"b"}, set())
    assert (registry.capable("repo.read"), registry.capable("repo")) == ({"a"}, set())
    assert shown(registry, "a").manifest["capabilities"] == ["repo.read"]


def test_a_member_is_active_while_one_instance_is() -> None:
    registry = registry_of(record("a", "one"), record("a", "two", status=Status.STALE))
    assert (registry.count("active"), registry.count("stale")) == (1, 0)
    registry.apply(record("a", "one", status=Status.STALE), 3)
    assert (registry.count("active"), registry.count("stale"), registry.instances) == (0, 1, 2)


def test_the_manifest_shown_is_the_newest_life_among_the_active() -> None:
    registry = registry_of(
        record("a", "old", epoch=1, description="old"),
        record("a", "new", epoch=2, description="new"),
        record("a", "dying", epoch=3, description="dying", status=Status.STALE),
    )
    assert shown(registry, "a").manifest["description"] == "new"


def test_a_tag_of_an_instance_that_is_not_shown_finds_nobody() -> None:
    registry = registry_of(record("a", "old", epoch=1, tags=["old"]), record("a", "new", epoch=2, tags=["new"]))
    assert (registry.tagged("old"), registry.tagged("new")) == (set(), {"a"})


def test_an_older_revision_never_overwrites() -> None:
    registry = Registry()
    registry.apply(record("a", description="new"), 7)
    change = registry.apply(record("a", description="old"), 6)
    assert (change.visible, shown(registry, "a").manifest["description"]) == (False, "new")


def test_an_older_revision_does_not_bring_back_who_left() -> None:
    registry = Registry()
    registry.apply(record("a", status=Status.LEFT), 7)
    assert not registry.apply(record("a"), 6).visible
    assert (registry.get("a"), registry.revision_of(Instance("a"))) == (None, 7)


def test_a_tombstone_removes_and_the_same_record_again_changes_nothing() -> None:
    registry = registry_of(record("a"))
    version = registry.version
    assert not registry.apply(record("a"), 2).visible
    assert (registry.version, registry.revision) == (version, 2)
    change = registry.apply(record("a", status=Status.EXPIRED), 3)
    assert (change.visible, change.after, len(registry), registry.instances) == (True, None, 0, 0)
    assert registry.version > version


def test_what_is_forgotten_may_come_again_at_any_revision() -> None:
    registry = Registry()
    registry.apply(record("a"), 9)
    assert registry.forget(Instance("a")).visible
    assert not registry.forget(Instance("a")).visible
    assert registry.apply(record("a"), 1).visible


def test_a_snapshot_replaces_everything_revisions_too() -> None:
    registry = Registry()
    registry.apply(record("gone"), 50)
    registry.apply(record("kept"), 51)
    registry.apply(record("changed", description="before"), 52)
    kept = registry.get("kept")
    changes = registry.replace_all(
        [(record("kept"), 1), (record("changed", description="after"), 2), (record("new"), 3)]
    )
    assert {change.who.member for change in changes} == {"gone", "changed", "new"}
    assert registry.get("kept") is kept
    assert (set(registry.ids()), registry.revision) == ({"kept", "changed", "new"}, 3)
    assert registry.apply(record("kept", description="later"), 4).visible


def test_of_one_key_twice_in_a_snapshot_the_later_counts() -> None:
    registry = Registry()
    registry.replace_all([(record("a", description="later"), 5), (record("a", description="earlier"), 4)])
    assert shown(registry, "a").manifest["description"] == "later"


def test_members_stand_by_name_whatever_its_case_then_by_id() -> None:
    registry = registry_of(record("z", name="alpha"), record("b", name="Beta"), record("a", name="beta"))
    assert [member.id for member in registry.in_order()] == ["z", "a", "b"]


def test_a_change_tells_whether_the_manifest_is_another() -> None:
    registry = Registry()
    assert registry.apply(record("a"), 1).retold
    assert not registry.apply(record("a", status=Status.STALE), 2).retold
    assert not registry.apply(record("a", "second"), 3).retold
    assert registry.apply(record("a", "third", epoch=9, description="other"), 4).retold


def test_a_manifest_of_any_shape_is_held() -> None:
    odd = {"name": 5, "tags": "code", "capabilities": [1, "x", None], "tools": {"name": "t"}, "version": None}
    registry = registry_of(odd_record("odd", odd), odd_record("empty", {}))
    member = registry.get("odd")
    assert member is not None
    assert (member.tags, member.capabilities, member.tools, member.version) == ((), ("x",), (), "")
    assert [one.id for one in registry.in_order()] == ["empty", "odd"]


MEMBERS = st.sampled_from(["a", "b", "c"])
INSTANCES = st.sampled_from(["i", "j"])
TAGS = st.lists(st.sampled_from(["red", "green", "blue"]), max_size=3, unique=True)


class AgainstASearchByHand(RuleBasedStateMachine):
    """Random records in any order: the index answers as a search of all live records does."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.kept: dict[Instance, tuple[int, Record]] = {}
        self.seen: tuple[int, Any] = (0, self._answers({}))

    @rule(
        member=MEMBERS,
        instance=INSTANCES,
        status=st.sampled_from(list(Status)),
        epoch=st.integers(1, 3),
        tags=TAGS,
        name=st.sampled_from(["same", "Other"]),
        revision=st.integers(1, 40),
    )
    def apply(
        self, member: str, instance: str, status: Status, epoch: int, tags: list[str], name: str, revision: int
    ) -> None:
        new = record(member, instance, status=status, epoch=epoch, tags=tags, capabilities=tags[:1], name=name)
        if revision > self.kept.get(new.who, (0, new))[0]:
            self.kept[new.who] = (revision, new)
        self.registry.apply(new, revision)

    @rule(member=MEMBERS, instance=INSTANCES)
    def forget(self, member: str, instance: str) -> None:
        self.kept.pop(Instance(member, instance), None)
        self.registry.forget(Instance(member, instance))

    @rule(keep=st.sets(st.tuples(MEMBERS, INSTANCES)))
    def replace_all(self, keep: set[tuple[str, str]]) -> None:
        names = {Instance(*pair) for pair in keep}
        self.kept = {who: (1, held) for who, (_, held) in self.kept.items() if who in names}
        self.registry.replace_all([(held, revision) for revision, held in self.kept.values()])

    @invariant()
    def it_answers_as_a_search_by_hand(self) -> None:
        live = {who: held for who, (_, held) in self.kept.items() if held.status in LIVE}
        for who in (Instance(member, instance) for member in "abc" for instance in "ij"):
            assert self.registry.record(who) == live.get(who)
            assert self.registry.revision_of(who) == (self.kept[who][0] if who in self.kept else 0)
        assert self.registry.instances == len(live)
        assert self._index() == self._answers(live)

    @invariant()
    def what_looks_different_has_another_version(self) -> None:
        version, index = self.registry.version, self._index()
        assert version >= self.seen[0]
        assert version > self.seen[0] or index == self.seen[1]
        self.seen = (version, index)

    def _index(self) -> Any:
        registry = self.registry
        members = [registry.get(member) for member in sorted(registry.ids())]
        return (
            [(one.id, one.status, one.shown, list(one.instances)) for one in members if one],
            {tag: set(registry.tagged(tag)) for tag in ("red", "green", "blue")},
            {tag: set(registry.capable(tag)) for tag in ("red", "green", "blue")},
            {status: [one.id for one in registry.in_order(status)] for status in ("active", "stale", "any")},
            {status: registry.tag_counts(status) for status in ("active", "stale", "any")},
            {status: registry.count(status) for status in ("active", "stale", "any")},
        )

    def _answers(self, live: dict[Instance, Record]) -> Any:
        members = {}
        for member in sorted({who.member for who in live}):
            held = sorted((one for who, one in live.items() if who.member == member), key=lambda r: r.who.instance)
            active = [one for one in held if one.status is Status.ACTIVE]
            best = max(active or held, key=lambda r: (r.epoch, r.who.instance))
            members[member] = (member, best.status, best, held)
        return (
            list(members.values()),
            {tag: {one[0] for one in members.values() if tag in one[2].manifest["tags"]} for tag in _COLOURS},
            {tag: {one[0] for one in members.values() if tag in one[2].manifest["capabilities"]} for tag in _COLOURS},
            {status: [one[0] for one in _sorted(members.values(), status)] for status in _STATUSES},
            {status: _tag_counts(_sorted(members.values(), status)) for status in _STATUSES},
            {status: len(_sorted(members.values(), status)) for status in _STATUSES},
        )


_COLOURS = ("red", "green", "blue")
_STATUSES = ("active", "stale", "any")


def _sorted(members: Iterable[Any], status: str) -> list[Any]:
    some = [one for one in members if status in ("any", one[1])]
    return sorted(some, key=lambda one: (one[2].manifest["name"].casefold(), one[0]))


def _tag_counts(members: list[Any]) -> list[tuple[str, int]]:
    counts = {tag: sum(tag in one[2].manifest["tags"] for one in members) for tag in _COLOURS}
    return sorted(((tag, n) for tag, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0]))


TestAgainstASearchByHand = AgainstASearchByHand.TestCase
TestAgainstASearchByHand.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
