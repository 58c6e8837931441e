"""Which entries of a backup go into a federation that holds something."""

from __future__ import annotations

import orjson
import pytest

from omega.archive.merge import Saved, Verdict, judge, judge_owner, time_left

NOW = 1_000.0


def record(*, epoch: int = 7, changed_at: float = 500.0) -> bytes:
    told = {"id": "m", "instance": "default", "status": "active", "epoch": epoch, "digest": "0123456789abcdef"}
    return orjson.dumps(told | {"registered_at": 400.0, "changed_at": changed_at, "manifest": {"id": "m"}})


def owned(owner: str | None, since: float = 500.0, by: str = "operator") -> bytes:
    return orjson.dumps({"id": "m", "owner": owner, "since": since, "by": by})


def of_record(current: bytes | None, ends_at: float | None = None) -> Verdict:
    return judge(current, Saved("m.default", record(), ends_at), NOW)


def of_owner(current: bytes | None, saved: bytes) -> Verdict:
    return judge_owner(current, Saved("m", saved))


# records -----------------------------------------------------------------------------------------------------------


def test_a_record_that_is_not_there_is_restored() -> None:
    assert of_record(None) is Verdict.RESTORED


def test_the_same_record_is_left_alone() -> None:
    assert of_record(record()) is Verdict.SAME


@pytest.mark.parametrize("there", [record(epoch=8), record(changed_at=501.0), b"no record"])
def test_a_newer_record_stays_and_so_does_what_is_none(there: bytes) -> None:
    assert of_record(there) is Verdict.NEWER_THERE


@pytest.mark.parametrize("there", [record(epoch=6, changed_at=900.0), record(changed_at=499.0)])
def test_an_older_record_is_written_over(there: bytes) -> None:
    assert of_record(there) is Verdict.RESTORED


def test_a_tombstone_is_restored_while_it_has_time_left() -> None:
    assert of_record(None, ends_at=NOW + 1) is Verdict.RESTORED
    assert of_record(None, ends_at=NOW) is Verdict.FORGOTTEN
    assert (time_left(NOW + 90.2, NOW), time_left(NOW + 0.1, NOW), time_left(None, NOW)) == (90, 1, None)


# owners ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("saved", [owned("http:alice"), owned(None)])
def test_an_id_without_an_entry_gets_what_was_saved_of_it(saved: bytes) -> None:
    assert of_owner(None, saved) is Verdict.RESTORED


def test_the_same_owner_is_the_same_whenever_and_by_whom_it_was_written() -> None:
    assert of_owner(owned("http:alice", 900.0, "memory"), owned("http:alice")) is Verdict.SAME
    assert of_owner(owned(None, 900.0), owned(None)) is Verdict.SAME


@pytest.mark.parametrize("since", [100.0, 500.0, 900.0])
@pytest.mark.parametrize("saved", [owned("http:alice"), owned(None)])
def test_another_owner_stays_however_old(since: float, saved: bytes) -> None:
    assert of_owner(owned("http:bob", since), saved) is Verdict.OTHER_OWNER


@pytest.mark.parametrize("since", [500.0, 900.0])
def test_a_release_since_the_owner_came_stays(since: float) -> None:
    assert of_owner(owned(None, since), owned("http:alice")) is Verdict.NEWER_THERE


def test_a_release_from_before_the_owner_came_gives_way() -> None:
    assert of_owner(owned(None, 499.0), owned("http:alice")) is Verdict.RESTORED


@pytest.mark.parametrize("there", [b"", b"\xff", b"[1]", b"7"])
def test_what_cannot_be_read_names_nobody_and_gives_way(there: bytes) -> None:
    assert of_owner(there, owned("http:alice")) is Verdict.RESTORED
    assert of_owner(there, b'{"owner": "http:alice"}') is Verdict.RESTORED


def test_what_cannot_be_read_in_the_backup_takes_nothing_from_anybody() -> None:
    assert of_owner(owned("http:alice"), b"\xff") is Verdict.OTHER_OWNER
    assert of_owner(owned(None), b"\xff") is Verdict.SAME
