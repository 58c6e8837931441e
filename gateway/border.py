"""Where a federation error becomes an HTTP answer, and an aiohttp refusal a federation error. Nowhere else."""

from __future__ import annotations

import orjson
from aiohttp import hdrs, web

from bus.errors import FederationError, Internal, InvalidRequest, Refused, TooLarge
from gateway.refusals import MethodNotAllowed, NoSuchPath

JSON = "application/json"
RETRY_AFTER_S = 1
"""Seconds a client should wait before it repeats a request whose error says `retryable`."""

REFUSAL = web.ResponseKey("refusal", FederationError)
"""The error that an answer tells of, for those who add to it what only they know."""


def json_answer(body: bytes, status: int = 200) -> web.Response:
    """An answer of JSON bytes, as they are."""
    return web.Response(body=body, status=status, content_type=JSON)


def value_answer(value: object, status: int = 200) -> web.Response:
    """An answer of `value` as JSON."""
    return json_answer(orjson.dumps(value), status)


def retry_after(error: FederationError) -> str:
    """Whole seconds after which a request with that error is worth repeating: its own word, where it has one."""
    told = (error.details or {}).get("retry_after_s")
    return str(told if isinstance(told, int) and told > 0 else RETRY_AFTER_S)


def error_answer(error: FederationError) -> web.Response:
    """The one shape of an error with its status; `Retry-After` where a retry can help."""
    answer = value_answer(error.body(), error.http_status)
    answer[REFUSAL] = error
    if error.retryable:
        answer.headers[hdrs.RETRY_AFTER] = retry_after(error)
    if isinstance(error, MethodNotAllowed):
        answer.headers[hdrs.ALLOW] = ", ".join((error.details or {}).get("allowed", ()))
    return answer


def federation_error(refusal: web.HTTPException, limit: int) -> FederationError:
    """What a refusal of aiohttp's own means here; `limit` is the largest body in bytes."""
    if isinstance(refusal, web.HTTPMethodNotAllowed):
        allowed = sorted(refusal.allowed_methods)
        return MethodNotAllowed(f"this path takes {', '.join(allowed)}", details={"allowed": allowed})
    if isinstance(refusal, web.HTTPRequestEntityTooLarge):
        return body_too_large(limit)
    if refusal.status == 404:
        return NoSuchPath()
    return InvalidRequest(refusal.reason) if refusal.status < 500 else Internal()


def body_too_large(limit: int) -> Refused:
    """The refusal of a body above `limit` bytes."""
    return TooLarge(f"body: the limit is {limit} bytes", details={"limit": limit})
