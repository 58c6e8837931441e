"""A key is random, stored as its hash, and holds until its end or its revocation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from bus.access import Via
from bus.apikeys import KEY_BYTES, KeyRecord, hashed, is_key, lifetime, minted
from bus.errors import InvalidRequest

KEY = minted(bytes(range(KEY_BYTES)))


def record(**more: object) -> KeyRecord:
    return KeyRecord.model_validate({"name": "alice", "scopes": "call", "created": 100.0, **more})


def test_a_key_is_its_entropy_in_a_form_that_is_recognised() -> None:
    assert is_key(KEY)
    assert KEY.startswith("omk_") and len(KEY) == 47
    assert minted(b"\xff" * KEY_BYTES) != KEY


@pytest.mark.parametrize("entropy", [b"", b"x" * 16, b"x" * 33])
def test_a_key_of_less_or_more_entropy_is_not_made(entropy: bytes) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        minted(entropy)


@pytest.mark.parametrize(
    "text", ["", "omk_", "omk_short", KEY + "x", KEY[:-1], "OMK_" + KEY[4:], KEY[:-1] + "=", f" {KEY}"]
)
def test_what_is_nearly_a_key_is_none(text: str) -> None:
    assert not is_key(text)


def test_what_is_stored_tells_nothing_of_the_key() -> None:
    assert len(hashed(KEY)) == 64
    assert KEY[4:] not in hashed(KEY)
    assert hashed(KEY) != hashed(KEY[:-1] + "A")


@pytest.mark.parametrize(
    ("more", "now", "state"),
    [
        ({}, 1e12, "active"),
        ({"expires": 200.0}, 199.9, "active"),
        ({"expires": 200.0}, 200.0, "expired"),
        ({"revoked": 150.0}, 100.0, "revoked"),
        ({"expires": 200.0, "revoked": 150.0}, 300.0, "revoked"),
    ],
)
def test_a_key_holds_until_its_end(more: dict[str, float], now: float, state: str) -> None:
    assert record(**more).state(now) == state
    assert record(**more).holds(now) is (state == "active")


def test_a_key_stands_for_its_name_and_scopes() -> None:
    principal = record(scopes="discover call").principal()
    assert (principal.name, str(principal.scopes), principal.via) == ("alice", "call discover", Via.API_KEY)


@pytest.mark.parametrize(
    "wrong", [{"name": "a:b"}, {"name": "a@b"}, {"name": ""}, {"name": "x" * 65}, {"scopes": "all"}]
)
def test_a_record_that_could_mean_somebody_else_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        record(**wrong)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("8w", timedelta(weeks=8)),
        ("never", None),
    ],
)
def test_a_lifetime_is_read_as_people_write_it(text: str, span: timedelta | None) -> None:
    assert lifetime(text) == span


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "-1d", "3651d", "1y", "1.5d", "1 d", "NEVER"])
def test_a_lifetime_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="expires"):
        lifetime(text)
