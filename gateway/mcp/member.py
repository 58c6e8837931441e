"""One member as an upstream: its requests travel the bus untouched, and so do its answers, words to a model apart."""

from __future__ import annotations

from mcp.shared.inbound import encode_header_value

from bus import CallOptions, Federation, McpRequest, headers
from bus.access import Right
from bus.errors import Internal, UnknownMember
from bus.names import is_token
from gateway.access.enforcement import Enforcement, unknown
from gateway.access.identity import sent_on
from gateway.access.methods import is_list, shown
from gateway.access.visible import sees_all
from gateway.mcp.cleaning import cleaned
from gateway.mcp.front.messages import named
from gateway.mcp.upstream import Notify, UpstreamAnswer, UpstreamRequest
from gateway.metrics import Metrics

TOOL_CALL = "tools/call"


class MemberUpstream:
    """Forwards to any instance of one member, and counts its tool calls."""

    def __init__(self, federation: Federation, metrics: Metrics, enforcement: Enforcement, member: str) -> None:
        self._federation = federation
        self._metrics = metrics
        self._enforcement = enforcement
        self._member = member

    async def answer(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        """The member's own response, as far as the caller may see it.

        Raises InsufficientScope before anything is sent, or what kept the member from answering.
        """
        await self._enforcement.request(request.caller, self._member, request.method, request.params)
        try:
            if request.method == TOOL_CALL:
                return await self._called(request, notify)
            answer = await self._ask(request, notify)
        except UnknownMember as exc:
            raise exc if sees_all(request.caller.scopes) else unknown(self._member) from exc
        if answer.error_code is None and is_list(request.method):
            return await self._visible(request, answer)
        return answer

    async def _visible(self, request: UpstreamRequest, answer: UpstreamAnswer) -> UpstreamAnswer:
        scopes = request.caller.scopes
        if Right.CALL in scopes.whole:
            return answer
        tags = await self._enforcement.tags(request.caller, Right.CALL, self._member)
        if scopes.may_use(self._member, tags):
            return answer
        return UpstreamAnswer(shown(request.method, answer.body, self._member, tags, scopes))

    async def _called(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        with self._metrics.call() as counted:
            answer = await self._ask(request, notify)
            counted.outcome = "ok" if answer.error_code is None else "refused"
        return answer

    async def _ask(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        name = named(request.message)
        # A name that has to be encoded is no subject token in either form, so both travel as `_`.
        sent = name if name is None or is_token(name) else encode_header_value(name)
        method, carried = request.method, sent_on(request.headers, request.caller)
        asked = McpRequest(self._member, method, sent, request.body)
        told = await self._federation.mcp(asked, CallOptions(request.timeout, notify, carried))
        return UpstreamAnswer(cleaned(method, told.data), error_code(told.headers.get(headers.MCP_ERROR)))


def error_code(told: str | None) -> int | None:
    """The code that a member's `Mcp-Error-Code` header tells. Raises Internal for one that is no number."""
    if told is None:
        return None
    try:
        return int(told[:12])
    except ValueError as exc:
        raise Internal("the member's answer cannot be read: Mcp-Error-Code is no number") from exc
