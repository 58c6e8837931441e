"""Subjects are built and read in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.names import ID_PATTERN
from bus.subjects import Instance, Subjects

IDS = st.from_regex(ID_PATTERN, fullmatch=True)


@given(IDS, IDS, IDS.filter(lambda prefix: len(prefix) <= 32))
def test_a_presence_subject_reads_back_as_its_instance(member: str, instance: str, prefix: str) -> None:
    subjects, who = Subjects(prefix), Instance(member, instance)
    for build in (subjects.register, subjects.heartbeat, subjects.leave, subjects.resync, subjects.ping):
        assert subjects.who(build(who)) == who


@given(IDS, IDS)
def test_a_key_reads_back_as_its_instance(member: str, instance: str) -> None:
    assert Instance.from_key(Instance(member, instance).key) == Instance(member, instance)


def test_without_an_instance_it_is_the_default_one() -> None:
    subjects = Subjects()
    assert subjects.who("omega.register.weather") == Instance("weather", "default")
    assert subjects.names_all_instances("omega.leave.weather")
    assert not subjects.names_all_instances("omega.leave.weather.a")


@pytest.mark.parametrize(
    "subject",
    ["omega.register", "omega.register.a.b.c", "omega.register.a..b", "omega.register.*", "omega.register.a$"],
)
def test_an_ill_formed_presence_subject_names_nobody(subject: str) -> None:
    assert Subjects().who(subject) is None


@pytest.mark.parametrize("key", ["a", "a.b.c", "a.", ".b", "a b.c"])
def test_a_foreign_key_names_nobody(key: str) -> None:
    assert Instance.from_key(key) is None


def test_a_tool_with_an_unsafe_name_is_called_under_an_underscore() -> None:
    assert Subjects().call("m", "read") == "omega.call.m.read"
    assert Subjects().call("m", "read.all") == "omega.call.m._"


def test_the_design_names_these_subjects() -> None:
    subjects, who = Subjects(), Instance("m", "i")
    assert [subjects.register(who), subjects.heartbeat(who), subjects.leave(who), subjects.leave_all("m")] == [
        "omega.register.m.i",
        "omega.heartbeat.m.i",
        "omega.leave.m.i",
        "omega.leave.m",
    ]
    assert [subjects.resync(who), subjects.ping(who), subjects.cancel(who), subjects.event("left", "m")] == [
        "omega.resync.m.i",
        "omega.ping.m.i",
        "omega.cancel.m.i",
        "omega.event.left.m",
    ]
