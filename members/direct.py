"""A `tools/call` straight to the function: the response a full MCP session would give, without a session around it.

Only for tools of ours that ask nothing of a session and declare what they return. The binding, the run and the
conversion are the SDK's own; what is left out is what a session adds around them: more than half of a small call's
cost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from math import inf
from time import monotonic
from typing import Any

from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.lowlevel import Server
from mcp.server.mcpserver.exceptions import UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.request_state import RequestStateBoundary
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, SERVER_INFO_META_KEY, CallToolResult, TextContent
from mcp_types.methods import serialize_server_result
from opentelemetry import trace

from members.declared import Declared

CALL = "tools/call"
SPANS_LOOK_S = 1.0
_PARAMS = frozenset({"name", "arguments", "_meta"})
"""Params a plain call has; any other asks for something only a session gives."""

log = logging.getLogger(__name__)


class DirectTools:
    """The tools of one server object that can be called this way."""

    def __init__(self, server: Server[Any], tools: Mapping[str, Tool], version: str) -> None:
        self._tools = tools
        self._version = version
        self._declared: dict[str, Declared] = {}
        self._spans = Spans()
        self._stamp = {SERVER_INFO_META_KEY: server.server_info_stamp}
        self._plain = _only_its_own(server)

    def tool(self, params: Mapping[str, Any]) -> Tool | None:
        """The tool that a `tools/call` with these params may run directly; None: it needs a session."""
        if not self._plain or not _PARAMS.issuperset(params) or self._spans.made():
            return None
        name, arguments = params.get("name"), params.get("arguments", {})
        tool = self._tools.get(name) if isinstance(name, str) and isinstance(arguments, dict) else None
        if tool is None or tool.context_kwarg is not None or tool.resolved_params or tool.output_schema is None:
            return None
        return tool

    async def call(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result, as it goes on the wire. Raises MCPError, as a handler does."""
        try:
            returned = await tool.run(arguments, None)  # type: ignore[arg-type] # asks for none
            return self._shaped(tool, returned)
        except MCPError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever a tool raises is a result that says so, in the SDK's words
            log.info("tool %s failed: %r", tool.name, str(exc))
            return self._wire(CallToolResult(content=[TextContent(type="text", text=str(exc))], is_error=True))

    def _shaped(self, tool: Tool, returned: Any) -> dict[str, Any]:
        declared = self._declared.get(tool.name)
        if declared is None or declared.tool is not tool:
            declared = self._declared[tool.name] = Declared(tool)
        try:
            result = declared.result(returned)
            if result is not None:
                return self._complete(result, is_error=False)
            converted = tool.fn_metadata.convert_result(returned)
        except Exception as exc:  # a type's own validator may raise anything
            raise UnexpectedToolError(f"Error executing tool {tool.name}") from exc
        return self._wire(converted)

    def _wire(self, result: Any) -> dict[str, Any]:
        if isinstance(result, CallToolResult) and result.meta is None and all(map(_is_bare_text, result.content)):
            wire: dict[str, Any] = {"content": [{"type": "text", "text": block.text} for block in result.content]}  # type: ignore[union-attr] # bare texts
            if result.structured_content is not None:
                wire["structuredContent"] = result.structured_content
            return self._complete(wire, is_error=result.is_error)
        return self._sieved(result)

    def _complete(self, wire: dict[str, Any], *, is_error: bool) -> dict[str, Any]:
        return {**wire, "isError": is_error, "resultType": "complete", "_meta": self._stamp}

    def _sieved(self, result: Any) -> dict[str, Any]:
        try:
            dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
            wire = serialize_server_result(CALL, self._version, dumped)
        except ValueError as exc:
            log.exception("%s: an invalid result", CALL)
            raise MCPError(INTERNAL_ERROR, "Handler returned an invalid result") from exc
        return {**wire, "_meta": {**self._stamp, **(wire.get("_meta") or {})}}


def _only_its_own(server: Server[Any]) -> bool:
    """Whether nothing but what an `MCPServer` itself puts there stands between a request and its handler."""
    own = [isinstance(one, RequestStateBoundary | OpenTelemetryMiddleware) for one in server.middleware]
    return own == [True, True]


class Spans:
    """Whether spans go anywhere: then the SDK's session makes them.

    Looked at once a second: the look searches the environment, which costs more than all else about a small call.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._made = False
        self._look_at = -inf

    def made(self) -> bool:
        now = self._clock()
        if now >= self._look_at:
            self._made = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
            self._look_at = now + SPANS_LOOK_S
        return self._made


def _is_bare_text(block: object) -> bool:
    return type(block) is TextContent and block.annotations is None and block.meta is None
