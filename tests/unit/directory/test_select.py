"""Which instance is the one to use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidRequest
from bus.messages import SelectQuery, Status
from bus.subjects import Instance
from directory.leases import Leases, Seen
from directory.record import Record
from directory.registry import Registry
from directory.select import MAX_CANDIDATES, Choice, Shortlist, candidates, choose
from directory.versions import precedence
from tests.unit.directory.catalogue import text_index
from tests.unit.directory.samples import record
from tests.unit.directory.test_query import NO_TEXT, Readings

STALE = Status.STALE


def shortlist(*records: Record, loads: Mapping[str, float] | None = None, **wanted: Any) -> Shortlist:
    registry, leases = Registry(), Leases()
    for revision, one in enumerate(records, 1):
        registry.apply(one, revision)
        leases.renew(one.who, Seen(0.0, load=(loads or {}).get(one.who.member, 0.0)))
    return candidates(registry, leases, NO_TEXT, SelectQuery.model_validate(wanted))


def chosen(shortlist: Shortlist, **times: float | None) -> str | None:
    choice = choose(shortlist, {Instance(member): seconds for member, seconds in times.items()})
    return choice.who.member if choice else None


def test_nobody_is_an_answer() -> None:
    nobody = shortlist(record("a"), tag="unheard of")
    assert (nobody.top, nobody.considered, choose(nobody, {})) == ((), 0, None)


def test_a_live_member_comes_before_a_higher_version() -> None:
    both = shortlist(record("new", version="2.0.0", status=STALE), record("old", version="1.0.0"), status="any")
    assert (chosen(both), both.considered) == ("old", 2)


def test_a_stale_member_is_taken_only_where_it_was_asked_for() -> None:
    assert chosen(shortlist(record("a", status=STALE))) is None
    assert chosen(shortlist(record("a", status=STALE), status="any")) == "a"


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("1.0.11", "1.1.0"), ("2.0.0-rc1", "2.0.0"), ("1.9.0", "2.0.0-rc1"), ("1.0", "v2"), ("nightly", "0.0.1")],
)
def test_the_higher_version_is_taken_however_slow_and_loaded(lower: str, higher: str) -> None:
    two = shortlist(record("a", version=lower), record("z", version=higher), loads={"z": 99.0})
    assert chosen(two, a=0.001, z=5.0) == "z"


def test_equal_versions_are_told_apart_by_response_time() -> None:
    two = shortlist(record("a", version="1.0"), record("z", version="1.0.0"), loads={"z": 99.0})
    assert chosen(two, a=0.2, z=0.1) == "z"


@pytest.mark.parametrize("times", [{"a": None, "z": 9.0}, {"z": 9.0}])
def test_who_was_not_measured_comes_last(times: dict[str, float | None]) -> None:
    assert chosen(shortlist(record("a"), record("z")), **times) == "z"


def test_without_times_the_load_decides_and_then_the_id() -> None:
    assert chosen(shortlist(record("a"), record("z"), loads={"a": 2.0, "z": 1.0})) == "z"
    assert chosen(shortlist(record("z"), record("a"))) == "a"


def test_only_the_best_are_measured_and_at_most_sixteen_the_least_loaded() -> None:
    members = [record(f"m{number:02}", version="1.0.0") for number in range(40)]
    many = shortlist(*members, record("old", version="0.9.0"), loads={f"m{n:02}": 40.0 - n for n in range(40)})
    assert [one.who.member for one in many.top] == [f"m{number:02}" for number in range(39, 39 - MAX_CANDIDATES, -1)]
    assert many.considered == 41


def test_the_instances_of_a_member_are_candidates_each_with_its_own_version() -> None:
    two = (record("a", "old", version="1.0.0", epoch=1), record("a", "new", version="2.0.0", epoch=9))
    assert [one.who.instance for one in shortlist(*two).top] == ["new"]
    older = shortlist(*two, version="<2")
    assert ([one.who.instance for one in older.top], older.considered) == (["old"], 1)


def test_a_stale_instance_of_an_active_member_is_not_a_candidate() -> None:
    two = (record("a", "gone", version="2.0.0", status=STALE), record("a", "here", version="1.0.0"))
    assert [one.who.instance for one in shortlist(*two).top] == ["here"]
    assert shortlist(*two).considered == 1
    assert shortlist(*two, status="any").considered == 2


def test_an_unreadable_range_is_refused_also_when_nobody_is_there() -> None:
    with pytest.raises(InvalidRequest, match="version"):
        shortlist(version="newest")


def test_the_choice_tells_what_was_measured_and_how_many_were_compared() -> None:
    choice = choose(shortlist(record("a"), record("b")), {Instance("b"): 0.25})
    assert isinstance(choice, Choice)
    assert (choice.member.id, choice.who, choice.response_time_s, choice.considered) == ("b", Instance("b"), 0.25, 2)


async def test_words_narrow_the_choice_and_do_not_order_it() -> None:
    registry = Registry()
    said = {"image_best_name": "1.0.0", "other": "2.0.0", "unrelated": "3.0.0"}
    descriptions = {"image_best_name": "", "other": "also does images", "unrelated": ""}
    for revision, (member, version) in enumerate(said.items(), 1):
        registry.apply(record(member, version=version, description=descriptions[member]), revision)
    manifests = {one.id: dict(one.manifest) for one in registry.in_order()}
    async with text_index(manifests) as text:
        found = candidates(registry, Leases(), text, SelectQuery.model_validate({"q": "image"}))
    assert (chosen(found), found.considered) == ("other", 2)


VERSIONS = st.sampled_from(["1.0.0", "1.0", "1.1.0", "2.0.0-rc1", "2.0.0", "nightly"])
MEMBERS = st.lists(
    st.tuples(VERSIONS, st.booleans(), st.none() | st.sampled_from([0.1, 0.2]), st.sampled_from([0.0, 1.0])),
    min_size=1,
    max_size=MAX_CANDIDATES,
)


@given(MEMBERS)
def test_the_whole_order_is_life_version_time_load_id(members: list[tuple[str, bool, float | None, float]]) -> None:
    names = [f"m{number:02}" for number in range(len(members))]
    records = [
        record(name, version=version, status=Status.ACTIVE if live else STALE)
        for name, (version, live, _, _) in zip(names, members, strict=True)
    ]
    loads = {name: load for name, (_, _, _, load) in zip(names, members, strict=True)}
    times = {name: seconds for name, (_, _, seconds, _) in zip(names, members, strict=True)}

    def standing(pair: tuple[str, tuple[str, bool, float | None, float]]) -> Any:
        name, (version, live, seconds, load) = pair
        return live, precedence(version), seconds is not None, -(seconds or 0.0), -load, -int(name[1:])

    best = max(zip(names, members, strict=True), key=standing)[0]
    assert chosen(shortlist(*records, loads=loads, status="any"), **times) == best


def test_no_words_are_no_condition() -> None:
    registry = Registry()
    registry.apply(record("a"), 1)
    assert candidates(registry, Leases(), Readings({}), SelectQuery.model_validate({"q": ""})).considered == 1
