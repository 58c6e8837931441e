"""One member as an upstream: its requests travel the bus untouched."""

from __future__ import annotations

from mcp.shared.inbound import encode_header_value

from bus import CallOptions, Federation, McpRequest, headers
from bus.errors import Internal
from gateway.mcp.front.messages import named
from gateway.mcp.upstream import Notify, UpstreamAnswer, UpstreamRequest
from gateway.metrics import Metrics

TOOL_CALL = "tools/call"


class MemberUpstream:
    """Forwards to any instance of one member, and counts its tool calls."""

    def __init__(self, federation: Federation, metrics: Metrics, member: str) -> None:
        self._federation = federation
        self._metrics = metrics
        self._member = member

    async def answer(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        """The member's own response. Raises what kept it from answering."""
        if request.method != TOOL_CALL:
            return await self._ask(request, notify)
        with self._metrics.call() as counted:
            answer = await self._ask(request, notify)
            counted.outcome = "ok" if answer.error_code is None else "refused"
        return answer

    async def _ask(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        name = named(request.message)
        # A name that has to be encoded is no subject token in either form, so both travel as `_`.
        sent = encode_header_value(name) if name is not None else None
        asked = McpRequest(self._member, request.method, sent, request.body)
        options = CallOptions(timeout=request.timeout, on_event=notify, headers=request.headers)
        told = await self._federation.mcp(asked, options)
        return UpstreamAnswer(told.data, error_code(told.headers.get(headers.MCP_ERROR)))


def error_code(told: str | None) -> int | None:
    """The code that a member's `Mcp-Error-Code` header tells. Raises Internal for one that is no number."""
    if told is None:
        return None
    try:
        return int(told[:12])
    except ValueError as exc:
        raise Internal("the member's answer cannot be read: Mcp-Error-Code is no number") from exc
