"""The front for clients of 2025-11-25 and before: sessions, translated to 2026-07-28 and back, on any gateway.

Nothing of a session lives in one process: its token says what it is (`tokens`), a bucket what it became (`sessions`),
and what a client sends about a request finds the gateway that works on it (`bridge`, `inflight`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiohttp import web
from mcp_types.jsonrpc import INVALID_REQUEST

from bus.errors import FederationError
from gateway.limits.around import charge
from gateway.mcp.front.admission import EVENTS, JSON, accepted, check_accept, deadline, trace
from gateway.mcp.front.bridge import Bridge
from gateway.mcp.front.exchange import Exchanges, Served, told_result
from gateway.mcp.front.follow import follow
from gateway.mcp.front.inflight import InFlight
from gateway.mcp.front.messages import (
    Message,
    Rejected,
    Reply,
    failure,
    is_answer,
    is_id,
    is_notification,
    is_request,
    not_a_message,
    rejection,
    result_body,
)
from gateway.mcp.front.sessions import Sessions, SessionState
from gateway.mcp.front.streams import Ended, Streams
from gateway.mcp.front.tokens import Seal, Session
from gateway.mcp.front.translation import BATCHING, initialize_result, introduction, modern, negotiated
from gateway.mcp.upstream import Upstream, UpstreamRequest
from gateway.requests import PRINCIPAL, PROOF

SESSION_ID = "Mcp-Session-Id"
MAX_BATCH = 64


@dataclass(frozen=True, slots=True)
class LegacyParts:
    """What sessions need, shared by all endpoints of a gateway."""

    seal: Seal
    sessions: Sessions
    bridge: Bridge
    inflight: InFlight
    streams: Streams
    longest_s: float
    session_ttl_s: float


class LegacyFront:
    """Answers clients that opened with `initialize`."""

    def __init__(self, parts: LegacyParts) -> None:
        self._parts = parts
        self._exchanges = Exchanges(parts.sessions, parts.bridge, parts.inflight)

    async def post(self, request: web.Request, upstream: Upstream, message: Any) -> web.StreamResponse:
        """The answer to one POST. Raises Rejected, or a federation error, before anything was done."""
        check_accept(accepted(request.headers), JSON, EVENTS)
        if is_request(message) and message["method"] == "initialize":
            return await self._initialize(request, upstream, message)
        served = await self._served(request, upstream)
        if isinstance(message, list):
            return await self._batch(request, served, message)
        if is_request(message):
            async with self._parts.streams.answer(request) as stream:
                body = await self._exchanges.tell(served, message, stream.send)
                return await stream.finish(body) if stream.begun else Reply(body).response()
        await self._take(served.session, message)
        return web.Response(status=202)

    async def listen(self, request: web.Request, upstream: Upstream) -> web.StreamResponse:
        """The session's own stream: what changes at the server, for as long as the client listens."""
        check_accept(accepted(request.headers), EVENTS)
        served = await self._served(request, upstream)
        async with self._parts.streams.answer(request) as stream:
            try:
                async with self._parts.streams.lasting(request[PROOF]):
                    stream.begin()
                    await follow(self._parts.sessions, served, stream.send)
            except Ended:
                pass
            return await stream.finish()

    async def end(self, request: web.Request) -> web.StreamResponse:
        """The session ends, at every gateway."""
        session = self._session(request)
        await self._state(session)
        await self._parts.sessions.change(session, lambda state: replace(state, ended=True), now=time.time())
        return web.Response(status=204)

    # sessions ---------------------------------------------------------------------------------------------------------

    async def _initialize(self, request: web.Request, upstream: Upstream, message: Message) -> web.StreamResponse:
        try:
            session = self._opened(request, message)
            token = self._parts.seal.token(session)
            wish = modern({"id": message["id"], "method": "server/discover"}, session, None)
            sent, longest_s = trace(request.headers), self._parts.longest_s
            asked = UpstreamRequest(orjson.dumps(wish), wish, request[PRINCIPAL], sent, longest_s)
            told = told_result(await upstream.answer(asked, lambda _: None))
            result = initialize_result(told, session.version)
        except Rejected as exc:
            return rejection(exc, message["id"]).response()
        except FederationError as exc:
            return failure(exc, message["id"]).response()
        self._parts.sessions.opened(session)
        return Reply(result_body(message["id"], result), headers={SESSION_ID: token}).response()

    def _opened(self, request: web.Request, message: Message) -> Session:
        version, capabilities, info = introduction(message)
        return Session(
            id=secrets.token_hex(12),
            version=negotiated(version),
            capabilities=capabilities,
            client_info=info,
            endpoint=request.path_qs,
            expires=int(time.time() + self._parts.session_ttl_s),
            principal=request[PRINCIPAL].name or None,
        )

    def _session(self, request: web.Request) -> Session:
        token = request.headers.get(SESSION_ID)
        if token is None:
            raise Rejected(INVALID_REQUEST, f"{SESSION_ID}: missing; begin with initialize", status=400)
        session = self._parts.seal.session(token, now=time.time())
        mine = session is not None and session.endpoint == request.path_qs
        if session is None or not mine or session.principal != (request[PRINCIPAL].name or None):
            raise _no_session()
        return session

    async def _state(self, session: Session) -> SessionState:
        state = await self._parts.sessions.state(session)
        if state.ended:
            raise _no_session()
        return state

    async def _served(self, request: web.Request, upstream: Upstream) -> Served:
        session = self._session(request)
        return Served(
            session=session,
            state=await self._state(session),
            upstream=upstream,
            caller=request[PRINCIPAL],
            headers=trace(request.headers),
            timeout=deadline(request.headers, self._parts.longest_s),
            now=time.time(),
        )

    # messages ---------------------------------------------------------------------------------------------------------

    async def _take(self, session: Session, message: Any) -> None:
        """A notification, or an answer to a question of ours. Raises Rejected for anything else."""
        if is_answer(message):
            await self._parts.bridge.answered(session, message)
        elif not is_notification(message):
            raise not_a_message()
        elif message["method"] == "notifications/cancelled":
            params = message.get("params")
            request_id = params.get("requestId") if isinstance(params, dict) else None
            if is_id(request_id):
                self._parts.inflight.cancel(session, request_id)

    async def _batch(self, request: web.Request, served: Served, messages: list[Any]) -> web.StreamResponse:
        _check_batch(served.session, messages)
        for message in messages:
            if not is_request(message):
                await self._take(served.session, message)
        requests = [message for message in messages if is_request(message)]
        if not requests:
            return web.Response(status=202)
        await charge(request, len(requests) - 1)
        async with self._parts.streams.answer(request) as stream:
            answer = self._exchanges.answer
            bodies = await asyncio.gather(*(answer(served, message, stream.send) for message in requests))
            if not stream.begun:
                return Reply(b"[" + b",".join(bodies) + b"]").response()
            for body in bodies[:-1]:
                stream.send(body)
            return await stream.finish(bodies[-1])


def _check_batch(session: Session, messages: list[Any]) -> None:
    if session.version not in BATCHING:
        raise Rejected(INVALID_REQUEST, f"Invalid request: version {session.version} has no batches")
    if not 0 < len(messages) <= MAX_BATCH:
        raise Rejected(INVALID_REQUEST, f"Invalid request: 1 to {MAX_BATCH} messages in a batch")
    for message in messages:
        if is_request(message) and message["method"] == "initialize":
            raise Rejected(INVALID_REQUEST, "Invalid request: initialize stands alone")


def _no_session() -> Rejected:
    return Rejected(INVALID_REQUEST, "no such session; begin again with initialize", status=404)
