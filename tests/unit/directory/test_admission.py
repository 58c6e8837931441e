"""Which registrations are taken, and which life they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Conflict
from bus.messages import Status
from bus.subjects import Instance
from directory.admission import Announcement, Outcome, admit, leave
from directory.record import Record
from tests.support.signing import CLAIMS, MANIFEST, pair, token

PAYLOAD = {**MANIFEST, **CLAIMS}
WHO = Instance("m", "i")
NOW = 1_800_000_000.0


def announcement(epoch: int | None = None, digest: str = "d", **more: Any) -> Announcement:
    return Announcement(WHO, {"id": "m", "heartbeat_interval_s": 10.0}, digest, epoch, **more)


def held(status: Status = Status.ACTIVE, epoch: int = 100, digest: str = "d") -> Record:
    return Record(WHO, {"id": "m"}, epoch, digest, status, registered_at=1.0, changed_at=1.0)


def test_the_first_registration_begins_a_life_at_its_epoch() -> None:
    admission = admit(None, announcement(epoch=7), NOW)
    assert (admission.outcome, admission.record.epoch, admission.record.registered_at) == (Outcome.REGISTERED, 7, NOW)


def test_without_an_epoch_a_life_begins_at_the_time() -> None:
    assert admit(None, announcement(), NOW).record.epoch == int(NOW * 1000)


def test_the_same_again_changes_nothing() -> None:
    current = held()
    admission = admit(current, announcement(epoch=100), NOW)
    assert (admission.outcome, admission.record) == (Outcome.UNCHANGED, current)


def test_without_an_epoch_it_continues_the_life_that_is_there() -> None:
    admission = admit(held(), announcement(digest="new"), NOW)
    assert (admission.outcome, admission.record.epoch, admission.record.registered_at) == (Outcome.UPDATED, 100, 1.0)


def test_a_stale_instance_that_announces_itself_is_active() -> None:
    assert admit(held(Status.STALE), announcement(epoch=100), NOW).record.status is Status.ACTIVE


def test_a_newer_epoch_takes_the_place_of_the_older() -> None:
    admission = admit(held(), announcement(epoch=101), NOW)
    assert (admission.outcome, admission.record.epoch) == (Outcome.REGISTERED, 101)


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.STALE, Status.LEFT, Status.EXPIRED])
def test_an_older_epoch_is_refused_whatever_became_of_the_newer(status: Status) -> None:
    with pytest.raises(Conflict, match="99"):
        admit(held(status), announcement(epoch=99), NOW)


def test_a_life_that_left_does_not_come_back_but_one_that_expired_may() -> None:
    with pytest.raises(Conflict):
        admit(held(Status.LEFT), announcement(epoch=100), NOW)
    assert admit(held(Status.EXPIRED), announcement(epoch=100), NOW).outcome is Outcome.REGISTERED


def test_by_hand_a_member_that_left_begins_a_later_life() -> None:
    future = int(NOW * 1000) + 5_000
    assert admit(held(Status.LEFT, epoch=future), announcement(), NOW).record.epoch == future + 1


def test_only_a_live_instance_leaves() -> None:
    tombstone = leave(held(Status.STALE), NOW)
    assert tombstone is not None
    assert (tombstone.status, tombstone.epoch) == (Status.LEFT, 100)
    assert leave(None, NOW) is None
    assert leave(held(Status.LEFT), NOW) is None
    assert leave(held(Status.EXPIRED), NOW) is None


@given(
    st.sampled_from([None, *Status]),
    st.integers(0, 200),
    st.one_of(st.none(), st.integers(0, 200)),
    st.sampled_from(["d", "e"]),
)
def test_an_epoch_never_falls(status: Status | None, epoch: int, told: int | None, digest: str) -> None:
    current = held(status, epoch) if status else None
    try:
        admission = admit(current, announcement(told, digest), NOW)
    except Conflict:
        assert current is not None
        return
    assert admission.record.status is Status.ACTIVE
    assert current is None or admission.record.epoch >= epoch


# signed ------------------------------------------------------------------------------------------------------------

TOKENS = {at: token(pair(), {**PAYLOAD, "iat": at}) for at in (1_000.0, 1_001.0)}


def signed(at: float, epoch: int = 100, digest: str = "d") -> Announcement:
    return announcement(epoch, digest, signed=TOKENS[at], issued_at=at, key="k1")


def held_signed(at: float, status: Status = Status.ACTIVE) -> Record:
    return replace(held(status), signed=TOKENS[at])


def test_a_member_that_is_there_may_send_the_same_signature_again() -> None:
    assert admit(held_signed(1_000.0), signed(1_000.0), NOW).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("status", [Status.STALE, Status.EXPIRED])
def test_a_copy_of_a_signature_revives_nobody(status: Status) -> None:
    with pytest.raises(Conflict, match="used before") as caught:
        admit(held_signed(1_000.0, status), signed(1_000.0), NOW)
    assert (caught.value.details or {})["reason"] == "replayed"
    assert admit(held_signed(1_000.0, status), signed(1_001.0), NOW).record.status is Status.ACTIVE


def test_who_left_does_not_come_back_by_its_signature() -> None:
    for at in TOKENS:
        with pytest.raises(Conflict):
            admit(held_signed(1_000.0, Status.LEFT), signed(at), NOW)
    assert admit(held_signed(1_000.0, Status.LEFT), signed(1_001.0, epoch=101), NOW).outcome is Outcome.REGISTERED


def test_an_earlier_signature_of_the_same_life_is_refused() -> None:
    with pytest.raises(Conflict, match="used before"):
        admit(held_signed(1_001.0), signed(1_000.0, digest="older"), NOW)
    assert admit(held_signed(1_000.0), signed(1_001.0, digest="newer"), NOW).outcome is Outcome.UPDATED


def test_an_older_epoch_tells_its_reason() -> None:
    with pytest.raises(Conflict) as caught:
        admit(held_signed(1_000.0), signed(1_001.0, epoch=99), NOW)
    assert (caught.value.details or {})["reason"] == "older_epoch"


def test_who_left_is_remembered_until_its_signature_is_over() -> None:
    left = held_signed(1_000.0).turned(Status.LEFT, NOW)
    assert left.usable_for_s == 600 + 3_600
    assert held().turned(Status.LEFT, NOW).usable_for_s == 0
