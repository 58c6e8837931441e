"""Tool calls over HTTP: bare arguments in, bare result out, the bytes untouched on both ways.

A client that goes away cancels its handler, and with it the call at the member. Nothing a client sends becomes the
caller's identity on the bus: only the headers named here travel on, and the identity is minted of what was proved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import web

from bus import CallOptions, Federation, headers
from bus.access import Principal
from bus.errors import (
    Busy,
    Cancelled,
    DeadlineExceeded,
    Disconnected,
    InvalidArguments,
    InvalidRequest,
    MemberFailing,
    MemberLost,
    NoInstance,
    NotAllowed,
    OutcomeUnknown,
    ToolCrashed,
    ToolError,
    UnknownMember,
    UnknownTool,
)
from gateway.access.enforcement import Enforcement, unknown
from gateway.access.identity import sent_on
from gateway.access.visible import sees_all
from gateway.border import json_answer
from gateway.metrics import Metrics
from gateway.operations import Answer, Refusals, operation
from gateway.shapes import TIMEOUT_MS, Arguments, CallHeaders, CallPath, DoorCallPath, Result

TAG = "calls"
OF_A_CALL: Refusals = (
    InvalidArguments,
    ToolError,
    UnknownMember,
    UnknownTool,
    NotAllowed,
    Busy,
    NoInstance,
    MemberFailing,
    Disconnected,
    DeadlineExceeded,
    OutcomeUnknown,
    MemberLost,
    Cancelled,
    ToolCrashed,
)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class WantedTool:
    """A tool of a member."""

    member: str
    tool: str


class Caller:
    """Makes calls for HTTP clients, counted and bounded."""

    def __init__(
        self,
        federation: Federation,
        metrics: Metrics,
        enforcement: Enforcement,
        *,
        timeout: float,
        max_timeout: float,
    ) -> None:
        self._federation = federation
        self._metrics = metrics
        self._enforcement = enforcement
        self._timeout = timeout
        self._max_timeout = max_timeout

    async def call(self, wanted: WantedTool, body: bytes, sent: CallHeaders, caller: Principal) -> web.Response:
        """The member's result as it came. Raises InsufficientScope before anything is sent, or what the call raises."""
        await self._enforcement.call(caller, wanted.member, wanted.tool)
        options = CallOptions(timeout=self._seconds(sent.timeout_ms), headers=sent_on(carried(sent), caller))
        with self._metrics.call() as counted:
            try:
                result = await self._federation.call_bytes(wanted.member, wanted.tool, body or b"{}", options)
            except UnknownMember as exc:
                raise exc if sees_all(caller.scopes) else unknown(wanted.member) from exc
            counted.outcome = "ok"
        return json_answer(result)

    def _seconds(self, asked_ms: int | None) -> float:
        if asked_ms is None:
            return self._timeout
        if asked_ms > self._max_timeout * 1000:
            limit = int(self._max_timeout * 1000)
            raise InvalidRequest(f"{TIMEOUT_MS}: the limit is {limit}", details={"limit": limit})
        return asked_ms / 1000


class Calls:
    """The path that reaches every member's tools."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @operation(
        "POST",
        "/mcp/call/{service}/{tool}",
        tag=TAG,
        answers={200: Answer(Result)},
        refusals=OF_A_CALL,
        body_model=Arguments,
        example={"code_snippet": "print('hello')", "language": "python"},
    )
    async def call_tool(self, path: CallPath, headers: CallHeaders, body: bytes, caller: Principal) -> web.Response:
        """Call a tool of a member.

        The body is the arguments object, the answer the tool's own result. A call that is not answered before its
        deadline is cancelled at the member and may have run; so is one whose client disconnects.
        """
        return await self._caller.call(WantedTool(path.service, path.tool), body, headers, caller)


class DoorCalls:
    """The same path on a member's own door."""

    def __init__(self, caller: Caller, member: str) -> None:
        self._caller = caller
        self._member = member

    @operation(
        "POST",
        "/mcp/call/{tool}",
        tag=TAG,
        answers={200: Answer(Result)},
        refusals=OF_A_CALL,
        body_model=Arguments,
    )
    async def call_tool(self, path: DoorCallPath, headers: CallHeaders, body: bytes, caller: Principal) -> web.Response:
        """Call a tool of this member: arguments in, result out."""
        return await self._caller.call(WantedTool(self._member, path.tool), body, headers, caller)


def carried(sent: CallHeaders) -> dict[str, str]:
    """The headers that travel with the call. A malformed `traceparent` is left behind, as its standard says."""
    found: dict[str, str] = {}
    if sent.traceparent is not None and _TRACEPARENT.fullmatch(sent.traceparent):
        found[headers.TRACEPARENT] = sent.traceparent
    if sent.idempotency_key is not None:
        found[headers.IDEMPOTENCY_KEY] = sent.idempotency_key
    return found
