"""The front for clients of 2026-07-28: one request in, its bytes forwarded, one response out, streamed where needed."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS, MCP_PROTOCOL_VERSION_HEADER
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY

from bus.errors import FederationError
from gateway.access.proofs import Proof
from gateway.mcp.front.admission import (
    EVENTS,
    JSON,
    Lines,
    accepted,
    check_accept,
    check_notification,
    check_request,
    deadline,
    protocol_lines,
    travelling,
)
from gateway.mcp.front.messages import (
    Rejected,
    Reply,
    failure,
    is_notification,
    is_request,
    not_a_message,
    rejection,
    result_body,
)
from gateway.mcp.front.sse import EventStream
from gateway.mcp.front.streams import Ended, Streams
from gateway.mcp.upstream import Upstream, UpstreamAnswer, UpstreamRequest
from gateway.requests import PRINCIPAL, PROOF

LISTEN = "subscriptions/listen"


class ModernFront:
    """Answers the POSTs of clients that say everything with every request."""

    def __init__(self, streams: Streams, *, longest_s: float) -> None:
        self._streams = streams
        self._longest_s = longest_s

    async def post(self, request: web.Request, upstream: Upstream, message: Any, body: bytes) -> web.StreamResponse:
        """The answer to one POST, whose body was decoded to `message`. Raises Rejected before anything was done."""
        check_accept(accepted(request.headers), JSON, EVENTS)
        if is_notification(message):
            check_notification(request.headers.get(MCP_PROTOCOL_VERSION_HEADER))
            return web.Response(status=202)
        if not is_request(message):
            raise not_a_message()
        try:
            lines = protocol_lines(request.headers)
            check_request(message, lines)
            asked = self._asked(request, lines, message, body)
        except Rejected as exc:
            return rejection(exc, message["id"]).response()
        except FederationError as exc:
            return failure(exc, message["id"]).response()
        return await self._answer(request, upstream, asked)

    def _asked(self, request: web.Request, lines: Lines, message: dict[str, Any], body: bytes) -> UpstreamRequest:
        listens = message["method"] == LISTEN
        seconds = None if listens else deadline(request.headers, self._longest_s)
        sent = travelling(request.headers, lines)
        return UpstreamRequest(body, message, request[PRINCIPAL], sent, seconds)

    async def _answer(self, request: web.Request, upstream: Upstream, asked: UpstreamRequest) -> web.StreamResponse:
        async with self._streams.answer(request) as stream:
            reply = await self._reply(upstream, asked, stream, request[PROOF])
            return await stream.finish(reply.body) if stream.begun else reply.response()

    async def _reply(self, upstream: Upstream, asked: UpstreamRequest, stream: EventStream, proof: Proof) -> Reply:
        try:
            if asked.timeout is not None:
                return _told(await upstream.answer(asked, stream.send))
            async with self._streams.lasting(proof):
                return _told(await upstream.answer(asked, stream.send))
        except Ended:
            return Reply(_end_of_listening(asked))
        except FederationError as exc:
            return failure(exc, asked.message["id"])


def _told(answer: UpstreamAnswer) -> Reply:
    status = 200 if answer.error_code is None else ERROR_CODE_HTTP_STATUS.get(answer.error_code, 200)
    return Reply(answer.body, status)


def _end_of_listening(asked: UpstreamRequest) -> bytes:
    """The result with which a server ends a subscription."""
    listen_id = asked.message["id"]
    return result_body(listen_id, {"resultType": "complete", "_meta": {SUBSCRIPTION_ID_META_KEY: listen_id}})
