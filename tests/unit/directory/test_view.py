"""What discovery shows of a member, and that its ready bytes are never out of date."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bus.codec import JSON, MSGPACK, decode
from bus.messages import Status
from bus.subjects import Instance
from directory.leases import Leases, Seen
from directory.member import Member
from directory.record import Record
from directory.registry import Registry
from directory.view import View, rfc3339
from tests.unit.directory.samples import BORN, odd_record, record, tool

BORN_TEXT = "2027-01-15T08:00:00.000Z"


class Shelf:
    """A registry with its leases and its view."""

    def __init__(self, *records: Record) -> None:
        self.registry = Registry()
        self.leases = Leases()
        self.view = View(self.registry, self.leases)
        for one in records:
            self.hold(one)

    def hold(self, one: Record) -> None:
        self.registry.apply(one, self.registry.revision + 1)

    def beat(self, who: Instance, at: float, **load: Any) -> None:
        self.leases.renew(who, Seen(at, **load))
        self.view.touch(who)

    def member(self, member: str) -> Member:
        found = self.registry.get(member)
        assert found is not None
        return found

    def read(self, member: str, form: str = JSON) -> Any:
        return decode(self.view.data(self.member(member), form), form)


def test_a_member_shows_its_own_fields_and_what_the_directory_knows() -> None:
    shelf = Shelf(record("a", version="1.2.3", tags=["code"], tools=[tool("run")], owner={"team": "x"}))
    shelf.beat(Instance("a"), BORN + 1.25, load=0.5, in_flight=2, limit=8)
    shown = shelf.read("a")
    assert (shown["id"], shown["tags"], shown["owner"], shown["tools"][0]["name"]) == (
        "a",
        ["code"],
        {"team": "x"},
        "run",
    )
    directory_fields = ("status", "registered_at", "last_seen", "signed", "instances")
    assert {field: shown[field] for field in directory_fields} == {
        "status": "active",
        "registered_at": BORN_TEXT,
        "last_seen": "2027-01-15T08:00:01.250Z",
        "signed": False,
        "instances": [
            {
                "id": "default",
                "status": "active",
                "last_seen": "2027-01-15T08:00:01.250Z",
                "registered_at": BORN_TEXT,
                "version": "1.2.3",
                "load": 0.5,
                "in_flight": 2,
                "limit": 8,
            }
        ],
    }


@pytest.mark.parametrize("form", [JSON, MSGPACK])
def test_the_ready_bytes_are_the_manifest(form: str) -> None:
    shelf = Shelf(record("a", tags=["code"], tools=[tool(f"t{i}") for i in range(20)]), odd_record("empty", {}))
    for member in ("a", "empty"):
        assert shelf.read(member, form) == shelf.view.manifest(shelf.member(member))


@pytest.mark.parametrize("form", [JSON, MSGPACK])
def test_a_heartbeat_is_seen_in_the_next_bytes(form: str) -> None:
    shelf = Shelf(record("a", "one"), record("a", "two"))
    assert shelf.read("a", form)["last_seen"] == BORN_TEXT
    shelf.beat(Instance("a", "two"), BORN + 60, load=3.0)
    shown = shelf.read("a", form)
    assert shown["last_seen"] == "2027-01-15T08:01:00.000Z"
    assert [one["load"] for one in shown["instances"]] == [0.0, 3.0]
    shelf.beat(Instance("a", "two"), BORN + 61)
    assert shelf.read("a", form)["last_seen"] == "2027-01-15T08:01:01.000Z"


@pytest.mark.parametrize("form", [JSON, MSGPACK])
def test_another_registration_is_seen_without_a_touch(form: str) -> None:
    shelf = Shelf(record("a", description="before"))
    assert shelf.read("a", form)["description"] == "before"
    shelf.hold(record("a", description="after", signed="jws"))
    shown = shelf.read("a", form)
    assert (shown["description"], shown["signed"]) == ("after", "jws")
    shelf.hold(record("a", description="after", signed="jws", status=Status.STALE))
    assert shelf.read("a", form)["status"] == "stale"


def test_bytes_are_made_once_while_nothing_changes() -> None:
    shelf = Shelf(record("a"), record("b"))
    ready = shelf.view.data(shelf.member("a"))
    shelf.beat(Instance("b"), BORN + 1)
    assert shelf.view.data(shelf.member("a")) is ready
    shelf.beat(Instance("a"), BORN + 1)
    assert shelf.view.data(shelf.member("a")) is not ready


def test_touches_are_counted_also_of_who_was_never_shown() -> None:
    shelf = Shelf(record("a"))
    shelf.beat(Instance("a"), BORN)
    shelf.beat(Instance("stranger"), BORN)
    assert shelf.view.touches == 2


def test_bytes_of_members_long_gone_are_not_kept() -> None:
    shelf = Shelf()
    for number in range(500):
        shelf.hold(record(f"m{number}"))
        shelf.read(f"m{number}")
        shelf.hold(record(f"m{number}", status=Status.LEFT))
    assert shelf.view.ready <= 100


def test_fields_only_the_directory_writes_are_taken_from_no_manifest() -> None:
    shelf = Shelf(odd_record("a", {"status": "wonderful", "last_seen": "tomorrow", "instances": "all"}))
    shown = shelf.read("a")
    assert (shown["status"], shown["last_seen"], len(shown["instances"])) == ("active", BORN_TEXT, 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (BORN + 0.0015, "2027-01-15T08:00:00.001Z"),
        (BORN + 0.9999, "2027-01-15T08:00:00.999Z"),
        (-5.0, "1970-01-01T00:00:00.000Z"),
        (1e300, "9999-12-31T23:59:59.000Z"),
        (math.inf, "9999-12-31T23:59:59.000Z"),
        (math.nan, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_and_never_fail(seconds: float, text: str) -> None:
    assert rfc3339(seconds) == text
