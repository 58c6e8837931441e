"""One URL for both eras: reads what came, decides which front it is for, and answers whatever happens in JSON-RPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import hdrs, web
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.jsonrpc import INVALID_REQUEST

from bus.errors import FederationError
from gateway import reading
from gateway.mcp.front.admission import Era, era_of, era_of_head
from gateway.mcp.front.legacy import LegacyFront
from gateway.mcp.front.messages import Rejected, Reply, decoded, error_body, failure, rejection
from gateway.mcp.front.modern import ModernFront
from gateway.mcp.upstream import Upstream

UpstreamFor = Callable[[web.Request], Upstream]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may cost before it is decoded."""

    size: int
    seconds: float


class Endpoint:
    """The handler of an MCP path, whatever its method."""

    def __init__(self, upstream_for: UpstreamFor, modern: ModernFront, legacy: LegacyFront, limits: BodyLimits) -> None:
        self._upstream_for = upstream_for
        self._modern = modern
        self._legacy = legacy
        self._limits = limits

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The answer; a refusal is one too."""
        try:
            if request.method == hdrs.METH_POST:
                return await self._post(request)
            return await self._other(request)
        except Rejected as exc:
            return rejection(exc).response()
        except FederationError as exc:
            return failure(exc).response()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await reading.read_body(request, limit=self._limits.size, timeout=self._limits.seconds)
        message = decoded(body)
        upstream = self._upstream_for(request)
        if era_of(request.headers.get(MCP_PROTOCOL_VERSION_HEADER), message) is Era.MODERN:
            return await self._modern.post(request, upstream, message, body)
        return await self._legacy.post(request, upstream, message)

    async def _other(self, request: web.Request) -> web.StreamResponse:
        if era_of_head(request.headers.get(MCP_PROTOCOL_VERSION_HEADER)) is Era.MODERN:
            return not_allowed(hdrs.METH_POST).response()
        if request.method == hdrs.METH_GET:
            return await self._legacy.listen(request, self._upstream_for(request))
        if request.method == hdrs.METH_DELETE:
            return await self._legacy.end(request)
        return not_allowed(hdrs.METH_POST, hdrs.METH_GET, hdrs.METH_DELETE).response()


def not_allowed(*methods: str) -> Reply:
    """The answer to an HTTP method that this URL does not take from this client."""
    allowed = ", ".join(methods)
    error = {"code": INVALID_REQUEST, "message": f"Method not allowed: {allowed} only"}
    return Reply(error_body(None, error), 405, {hdrs.ALLOW: allowed})
