"""The lines of `omega watch --audit`, and which events are on them."""

from __future__ import annotations

import pytest

from omega.cli.audit import AUDIT, audit_line, seconds_in
from omega.cli.watch import Wanted
from omega.trouble import WrongUse

AT = "2026-01-31T12:00:00.123Z"


def test_a_refusal_tells_who_asked_for_what_and_why_not() -> None:
    event = {
        "kind": "access-denied",
        "member": None,
        "instance": None,
        "at": AT,
        "source": "gateway",
        "caller": "ci",
        "path": "/mcp/call/a/b",
        "code": "not_allowed",
        "reason": "no scope for this",
    }
    assert (
        audit_line(event).plain
        == "2026-01-31 12:00:00  access-denied  ci → /mcp/call/a/b  no scope for this (not_allowed)"
    )


def test_a_refusal_of_nobody_in_particular_says_so() -> None:
    event = {"kind": "rejected", "member": "a", "instance": "1", "at": AT, "code": "conflict"}
    assert audit_line(event).plain == "2026-01-31 12:00:00  rejected       somebody → a/1  conflict"


def test_a_change_tells_what_it_is_now() -> None:
    event = {"kind": "owner-changed", "member": "a", "at": AT, "caller": "bus:op", "owner": "key:1", "before": "bus:a"}
    assert audit_line(event).plain == "2026-01-31 12:00:00  owner-changed  bus:op → a  owner=key:1  before=bus:a"


def test_no_event_can_steer_the_terminal() -> None:
    event = {"kind": "rejected", "at": AT, "caller": "a\x1b[2J", "reason": "b\x07\nc"}
    line = audit_line(event).plain
    assert "\x1b" not in line
    assert "\x07" not in line


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("7d", 604_800), ("0s", 0)])
def test_a_duration_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "-1h", "1.5h", "1w", "9999999s", "1h30m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="such as 1h"):
        seconds_in(text)


def test_the_audit_shows_refusals_and_changes_of_trust_alone() -> None:
    wanted = Wanted("*", "*", audit=True)
    assert all(wanted.holds({"kind": kind}) for kind in AUDIT)
    assert not any(wanted.holds({"kind": kind}) for kind in ("registered", "updated", "stale", "left", "expired", None))
    assert not Wanted("rejected", "a", audit=True).holds({"kind": "rejected", "member": "b"})
    assert Wanted("*", "*", audit=False).holds({"kind": "left"})
