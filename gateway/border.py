"""Where a federation error becomes an HTTP answer, and an aiohttp refusal a federation error. Nowhere else."""

from __future__ import annotations

import orjson
from aiohttp import hdrs, web

from bus.errors import FederationError, Internal, InvalidRequest, Refused, TooLarge
from gateway.refusals import MethodNotAllowed, NoSuchPath

JSON = "application/json"
RETRY_AFTER_S = 1
"""Seconds a client should wait before it repeats a request whose error says `retryable`."""


def json_answer(body: bytes, status: int = 200) -> web.Response:
    """An answer of JSON bytes, as they are."""
    return web.Response(body=body, status=status, content_type=JSON)


def value_answer(value: object, status: int = 200) -> web.Response:
    """An answer of `value` as JSON."""
    return json_answer(orjson.dumps(value), status)


def error_answer(error: FederationError) -> web.Response:
    """The one shape of an error with its status; `Retry-After` where a retry can help."""
    answer = value_answer(error.body(), error.http_status)
    if error.retryable:
        answer.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER_S)
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
