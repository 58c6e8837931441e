"""What stands behind an MCP endpoint: something that answers 2026-07-28 requests.

One member is an upstream (its requests travel the bus untouched), and so is the whole federation (the gateway answers
its lists and routes its calls). The fronts, modern and legacy, know nothing else of what they serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from bus.access import Principal
from bus.message import EMPTY

Notify = Callable[[bytes], None]
"""Takes one JSON-RPC notification as bytes, in order."""


class UpstreamRequest(NamedTuple):
    """One MCP request in the 2026-07-28 form, checked by the front: headers and body agree."""

    body: bytes
    """The JSON-RPC request as it is forwarded."""
    message: Mapping[str, Any]
    """The same, decoded."""
    caller: Principal
    """Who asks."""
    headers: Mapping[str, str] = EMPTY
    """Headers that travel on: `MCP-Protocol-Version`, `Mcp-Name` (encoded), `Mcp-Param-*`, `traceparent` …"""
    timeout: float | None = None
    """Seconds the client waits; None for a stream (`subscriptions/listen`)."""

    @property
    def method(self) -> str:
        return str(self.message["method"])

    @property
    def params(self) -> Mapping[str, Any]:
        params = self.message.get("params")
        return params if isinstance(params, dict) else {}


class UpstreamAnswer(NamedTuple):
    """A JSON-RPC response; `error_code` is its error's code, None for a result."""

    body: bytes
    error_code: int | None = None

    @staticmethod
    def result(request: UpstreamRequest, result: Mapping[str, Any]) -> UpstreamAnswer:
        """The response with that result."""
        return UpstreamAnswer(orjson.dumps({"jsonrpc": "2.0", "id": request.message.get("id"), "result": result}))

    @staticmethod
    def error(request: UpstreamRequest, code: int, message: str, data: Any = None) -> UpstreamAnswer:
        """The response with that error."""
        told = {"code": code, "message": message, **({} if data is None else {"data": data})}
        body = orjson.dumps({"jsonrpc": "2.0", "id": request.message.get("id"), "error": told})
        return UpstreamAnswer(body, code)


class Upstream(Protocol):
    """Answers MCP requests."""

    async def answer(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        """The response; notifications on the way go to `notify`. Cancelling the task that awaits it cancels the work.

        Raises a leaf of `bus.errors` for what kept the request from being answered.
        """
        ...
