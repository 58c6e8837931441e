"""The limiter around every call to a member, whichever path of the gateway it came by."""

from __future__ import annotations

from typing import Any

from bus import CallOptions, Federation, McpRequest, Message
from bus.names import checked_member
from gateway.limits.limiter import Limiter

COUNTED_METHODS = frozenset({"tools/call", "prompts/get", "resources/read", "completion/complete"})
"""What members work for; what the gateway asks for lists of its own accord is not counted."""


class LimitedFederation(Federation):
    """A federation whose members are asked no more than the limits allow."""

    def __init__(self, limiter: Limiter, *federation: Any, **more: Any) -> None:
        """Everything after `limiter` is what a `Federation` takes."""
        super().__init__(*federation, **more)
        self._limiter = limiter

    async def call_bytes(self, member: str, tool: str, body: bytes, options: CallOptions | None = None) -> bytes:
        """As of a `Federation`. Raises RateLimited."""
        await self._limiter.member_call(checked_member(member))
        return await super().call_bytes(member, tool, body, options)

    async def mcp(self, request: McpRequest, options: CallOptions | None = None) -> Message:
        """As of a `Federation`. Raises RateLimited."""
        if request.method in COUNTED_METHODS:
            await self._limiter.member_call(checked_member(request.member))
        return await super().mcp(request, options)
