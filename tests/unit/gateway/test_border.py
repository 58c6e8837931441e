from __future__ import annotations

import orjson
import pytest
from aiohttp import web

from bus.errors import Busy, Disconnected, FederationError, InvalidRequest, UnknownMember, leaves
from gateway.border import error_answer, federation_error
from gateway.refusals import MethodNotAllowed


@pytest.mark.parametrize("kind", leaves().values(), ids=leaves())
def test_every_error_has_its_status_and_the_one_shape(kind: type[FederationError]) -> None:
    answer = error_answer(kind("said", details={"field": "id"}))
    assert answer.status == kind.http_status
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {
        "error": {"code": kind.code, "message": "said", "retryable": kind.retryable, "details": {"field": "id"}}
    }


@pytest.mark.parametrize("kind", [Disconnected, Busy])
def test_a_retryable_error_says_when(kind: type[FederationError]) -> None:
    assert error_answer(kind()).headers["Retry-After"] == "1"


def test_an_error_no_retry_can_help_says_nothing_of_one() -> None:
    assert "Retry-After" not in error_answer(UnknownMember()).headers


def test_a_method_that_is_not_taken_tells_which_are() -> None:
    error = federation_error(web.HTTPMethodNotAllowed("PUT", {"POST", "GET"}), 1)
    assert isinstance(error, MethodNotAllowed)
    assert error_answer(error).headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPRequestEntityTooLarge(max_size=10, actual_size=11), 413, "too_large"),
        (web.HTTPBadRequest(reason="bad range"), 400, "invalid_request"),
        (web.HTTPBadGateway(), 500, "internal"),
    ],
)
def test_a_refusal_of_the_server_library_becomes_ours(refusal: web.HTTPException, status: int, code: str) -> None:
    error = federation_error(refusal, 10)
    assert (error.http_status, error.code) == (status, code)


def test_a_body_above_the_limit_names_the_limit() -> None:
    error = federation_error(web.HTTPRequestEntityTooLarge(max_size=10, actual_size=11), 10)
    assert error.details == {"limit": 10}


def test_an_unnamed_refusal_keeps_its_reason() -> None:
    assert isinstance(federation_error(web.HTTPBadRequest(reason="bad range"), 1), InvalidRequest)
    assert federation_error(web.HTTPBadRequest(reason="bad range"), 1).message == "bad range"
