"""Every failure has a code, a status, and one shape on every wire."""

from __future__ import annotations

import pytest

from bus import errors
from bus.errors import FederationError, Internal, from_body, leaves

KINDS = [kind for kind in leaves().values() if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_read_back_from_its_body(kind: type[FederationError]) -> None:
    error = kind("what happened", details={"field": "x"})
    back = from_body(error.body())
    assert (type(back), back.message, back.details) == (
        Internal if kind is FederationError else kind,
        "what happened",
        {"field": "x"},
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_knows_its_status_and_says_something_by_itself(kind: type[FederationError]) -> None:
    assert 400 <= kind.http_status < 600
    assert kind().message
    assert kind().nats_code == str(kind.http_status)
    assert kind().body()["error"]["retryable"] is kind.retryable


def test_codes_are_unique() -> None:
    every = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FederationError)]
    codes = [kind.code for kind in every if kind is not FederationError]
    assert len(codes) == len(set(codes))


def test_only_what_was_certainly_not_done_is_retryable() -> None:
    assert {kind.code for kind in KINDS if kind.retryable} == {
        "unavailable",
        "no_instance",
        "busy",
        "rate_limited",
        "member_failing",
        "bus_unavailable",
        "bus_refused",
        "directory_unavailable",
        "storage_missing",
        "storage_unavailable",
    }


def test_no_secret_is_said_whoever_worded_it() -> None:
    error = Internal("dialled nats://user:hunter2@host", details={"password": "hunter2", "at": ["Bearer abc.DEF.123"]})
    assert "hunter2" not in error.message + str(error) + str(error.body())
    assert "abc.DEF" not in str(errors.jsonrpc(error, 1))


@pytest.mark.parametrize("body", [None, [], {}, {"error": 1}, {"error": {}}, {"error": {"code": "new"}}, "text"])
def test_a_foreign_error_body_becomes_internal(body: object) -> None:
    assert type(from_body(body)) is Internal
