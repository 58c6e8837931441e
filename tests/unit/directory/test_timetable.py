"""Whom a sweep looks at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.subjects import Instance
from directory.timetable import Timetable

A, B = Instance("a"), Instance("b")


def test_a_new_instance_is_looked_at_at_once() -> None:
    timetable = Timetable()
    timetable.follow({A}, now=10)
    assert timetable.due(10) == [A]


def test_nobody_is_looked_at_before_the_planned_time() -> None:
    timetable = Timetable()
    timetable.follow({A}, now=0)
    timetable.due(0)
    timetable.plan(A, 30)
    assert timetable.due(29.9) == []
    assert timetable.due(30) == [A]


def test_a_plan_made_again_replaces_the_first() -> None:
    timetable = Timetable()
    timetable.follow({A}, now=0)
    timetable.plan(A, 5)
    timetable.plan(A, 50)
    assert timetable.due(10) == []
    assert timetable.due(50) == [A]


def test_who_is_gone_is_looked_at_no_more() -> None:
    timetable = Timetable()
    timetable.follow({A, B}, now=0)
    timetable.follow({B}, now=1)
    assert timetable.due(1) == [B]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100)), max_size=60), st.integers(0, 100))
def test_exactly_those_whose_last_plan_has_come_are_due(plans: list[tuple[int, int]], now: int) -> None:
    timetable, last = Timetable(), dict[Instance, int]()
    for number, at in plans:
        who = Instance(f"m{number}")
        timetable.plan(who, at)
        last[who] = at
    assert sorted(one.member for one in timetable.due(now)) == sorted(
        who.member for who, at in last.items() if at <= now
    )
