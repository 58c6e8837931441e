"""The transitions of an instance's life, one by one."""

from __future__ import annotations

import pytest

from bus.messages import Status
from directory.life import Beat, Rules, Verdict, hear, look, turn
from directory.record import Record
from tests.unit.directory.samples import record

RULES = Rules(lease_factor=3, remove_after_s=300)


@pytest.mark.parametrize(
    ("status", "silent_s", "verdict"),
    [
        (Status.ACTIVE, 0, Verdict.KEEP),
        (Status.ACTIVE, 90, Verdict.KEEP),
        (Status.ACTIVE, 90.1, Verdict.SUSPECT),
        (Status.ACTIVE, 10_000, Verdict.SUSPECT),
        (Status.STALE, 90.1, Verdict.KEEP),
        (Status.STALE, 300, Verdict.KEEP),
        (Status.STALE, 300.1, Verdict.EXPIRE),
        (Status.LEFT, 10_000, Verdict.KEEP),
        (Status.EXPIRED, 10_000, Verdict.KEEP),
    ],
)
def test_a_silent_instance_is_first_suspect_and_only_then_expires(
    status: Status, silent_s: float, verdict: Verdict
) -> None:
    assert look(status, 30.0, silent_s, RULES) is verdict


def test_removal_never_comes_before_two_leases() -> None:
    assert RULES.removal(30) == 300
    assert RULES.removal(600) == 3_600


@pytest.mark.parametrize(
    ("status", "known", "told", "beat"),
    [
        (None, None, (None, None), Beat.RESYNC),
        (Status.LEFT, (1, "d"), (1, "d"), Beat.RESYNC),
        (Status.EXPIRED, (1, "d"), (1, "d"), Beat.RESYNC),
        (Status.ACTIVE, (1, "d"), (None, None), Beat.RENEW),
        (Status.ACTIVE, (1, "d"), (1, "d"), Beat.RENEW),
        (Status.ACTIVE, (1, "d"), (2, "d"), Beat.RESYNC),
        (Status.ACTIVE, (2, "d"), (1, "d"), Beat.RESYNC),
        (Status.ACTIVE, (1, "d"), (1, "other"), Beat.RESYNC),
        (Status.STALE, (1, "d"), (1, "d"), Beat.REVIVE),
        (Status.STALE, (1, "d"), (None, None), Beat.REVIVE),
        (Status.STALE, (1, "d"), (2, None), Beat.RESYNC),
    ],
)
def test_a_heartbeat_renews_revives_or_asks_for_an_announcement(
    status: Status | None, known: tuple[int, str] | None, told: tuple[int | None, str | None], beat: Beat
) -> None:
    assert hear(status, known, told) is beat


def test_a_verdict_turns_the_record_it_was_about() -> None:
    judged = record("a", epoch=2)
    assert turn(judged, judged, Status.STALE, 9.0) == judged.turned(Status.STALE, 9.0)


@pytest.mark.parametrize(
    "current",
    [
        record("a", epoch=3),
        record("a", epoch=2, status=Status.STALE),
        record("a", epoch=2, description="another"),
        None,
    ],
    ids=["the next life", "turned meanwhile", "updated meanwhile", "gone"],
)
def test_a_verdict_leaves_alone_what_moved_on_meanwhile(current: Record | None) -> None:
    assert turn(current, record("a", epoch=2), Status.STALE, 9.0) is None
