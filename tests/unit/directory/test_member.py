"""Which of a member's instances speaks for it."""

from __future__ import annotations

from bus.messages import Status
from directory.member import by_place, member_of
from tests.unit.directory.samples import BORN, odd_record, record


def test_no_instance_is_no_member() -> None:
    assert member_of([]) is None


def test_an_active_instance_speaks_before_a_newer_stale_one() -> None:
    member = member_of([record("a", "x", epoch=1, version="1.0.0"), record("a", "y", epoch=2, status=Status.STALE)])
    assert member is not None
    assert (member.status, member.shown.who.instance, member.version) == (Status.ACTIVE, "x", "1.0.0")


def test_equal_lives_are_told_apart_by_the_instance_id_so_that_replicas_agree() -> None:
    one, other = record("a", "x"), record("a", "y")
    first, second = member_of([one, other]), member_of([other, one])
    assert first is not None
    assert second is not None
    assert first.shown == second.shown == other


def test_a_member_has_been_here_since_its_first_instance() -> None:
    member = member_of([record("a", "x", registered_at=BORN + 5), record("a", "y", registered_at=BORN)])
    assert member is not None
    assert member.registered_at == BORN


def test_a_member_without_a_name_stands_under_its_id() -> None:
    member = member_of([odd_record("Zed", {})])
    assert member is not None
    assert by_place(member) == ("zed", "Zed")


def test_only_tool_objects_are_tools_and_each_word_counts_once() -> None:
    member = member_of([odd_record("a", {"tools": [{"name": "t"}, "u", None], "tags": ["x", "y", "x"]})])
    assert member is not None
    assert (member.tools, member.tags) == (({"name": "t"},), ("x", "y"))


def test_two_states_of_a_member_are_two_members() -> None:
    assert member_of([record("a", registered_at=BORN)]) != member_of([record("a", registered_at=BORN)])
