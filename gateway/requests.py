"""What happens around every request: an id, the guards, the one error shape, a log line, the metrics.

This is the top-level supervisor of the HTTP side: whatever a handler raises ends here as an answer.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from time import perf_counter

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from structlog.contextvars import bind_contextvars

from bus.access import Principal
from bus.errors import FederationError, Internal
from bus.randomness import Tokens
from gateway.access.admission import Admission
from gateway.access.proofs import Proof
from gateway.access.rules import UNMATCHED
from gateway.border import REFUSAL, error_answer, federation_error
from gateway.guards import Guards
from gateway.mcp.front.messages import failure
from gateway.metrics import Metrics

REQUEST_ID = "X-Request-Id"
ID_BYTES = 8
CLIENT_GONE = 499
"""The status noted for a request whose client left before the answer; nobody receives it."""
SOCKET_BUFFERS = 64 * 1024
"""An answer up to this size goes to the kernel at once; a larger one waits for the client to read."""

ORIGIN = web.RequestKey("origin", str)
"""The foreign origin whose page made the request, where it is an allowed one."""

PRINCIPAL = web.RequestKey("principal", Principal)
"""Who asks; there before any handler."""
PROOF = web.RequestKey("proof", Proof)
"""How that is known, and for how long."""

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the supervisor of requests works with."""

    guards: Guards
    admission: Admission
    metrics: Metrics
    max_body_bytes: int
    send_timeout_s: float
    access_log: bool = True
    any_host: frozenset[str] = frozenset()
    """Paths answered whatever the `Host` header says."""
    quiet: frozenset[str] = frozenset()
    """Paths logged at debug level only."""
    jsonrpc: frozenset[str] = frozenset()
    """Routes whose refusals are JSON-RPC errors."""


def request_id(given: str | None, ids: Tokens) -> str:
    """The id a client sent, where it is sane, else a new one."""
    return given if given is not None and _SANE_ID.fullmatch(given) else ids.next()


def supervising(around: Surroundings) -> Middleware:
    """The middleware around every handler."""
    ids = Tokens(ID_BYTES)

    @web.middleware
    async def supervise(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        ident = request_id(request.headers.get(REQUEST_ID), ids)
        bind_contextvars(request_id=ident)
        around.metrics.in_flight += 1
        route, status = _route(request), CLIENT_GONE
        try:
            answer = await _answered(request, handler, around, route)
            status = answer.status
            if status >= 400 and REFUSAL in answer:
                around.admission.complete(request, route, answer, answer[REFUSAL])
            answer.headers[REQUEST_ID] = ident
            if not answer.prepared and (answer.content_length or 0) > SOCKET_BUFFERS:
                await _send(request, answer, around.send_timeout_s)
            return answer
        finally:
            around.metrics.in_flight -= 1
            seconds = perf_counter() - started
            around.metrics.answered.add(request.method, route, status, seconds)
            _note(request, route, status, seconds, around)

    return supervise


async def _answered(request: web.Request, handler: Handler, around: Surroundings, route: str) -> web.StreamResponse:
    try:
        origin = None if request.path in around.any_host else around.guards.check(request.headers)
        if origin is not None:
            request[ORIGIN] = origin
            if _is_preflight(request):
                return web.Response(status=204)
        proof = request[PROOF] = await around.admission.admit(request, route)
        request[PRINCIPAL] = proof.principal
        answer = await handler(request)
    except FederationError as exc:
        answer = _refusal(route, exc, around)
    except web.HTTPException as exc:
        answer = error_answer(federation_error(exc, around.max_body_bytes))
    except Exception:
        log.exception("request_failed", method=request.method, path=request.path[:200])
        answer = _refusal(route, Internal(), around)
    return answer


def _refusal(route: str, error: FederationError, around: Surroundings) -> web.Response:
    return failure(error).response() if route in around.jsonrpc else error_answer(error)


def _is_preflight(request: web.Request) -> bool:
    return request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers


async def _send(request: web.Request, answer: web.StreamResponse, timeout: float) -> None:
    """Write a large answer here, so that a client that does not read holds it for `timeout` at most."""
    try:
        async with asyncio.timeout(timeout):
            await answer.prepare(request)
            await answer.write_eof()
    except TimeoutError:
        log.warning("answer_not_fetched", path=request.path[:200], seconds=timeout)
        if request.transport is not None:
            request.transport.abort()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED


def _note(request: web.Request, route: str, status: int, seconds: float, around: Surroundings) -> None:
    if around.access_log:
        tell = log.debug if route in around.quiet else log.info
        told = {"method": request.method, "path": request.path[:200], "status": status, "ms": round(seconds * 1e3, 2)}
        caller = request.get(PRINCIPAL)
        tell("request", **told if caller is None or caller.anonymous else {**told, "caller": caller.name})
