"""One tool call against the MCP server object: arguments in, the result's JSON bytes out.

A tool that asks for no `Context` is called directly; one that does runs in a full MCP session, so that its progress
and log messages have somewhere to go. Either way the SDK validates the arguments and shapes the result.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import anyio
import orjson
from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.mcpserver.exceptions import ToolError as McpToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.runner import serve_one
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.transport_context import TransportContext
from pydantic import ValidationError
from rapidfuzz import process

from bus.errors import FederationError, Internal, InvalidArguments, ToolCrashed, ToolError, UnknownTool
from bus.validation import explained

PROTOCOL_VERSION = "2026-07-28"
Notify = Callable[[bytes], None]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Fate:
    """Why a tool did not return, noted where it is still known."""

    error: FederationError | None = None


_fate: ContextVar[_Fate | None] = ContextVar("fate_of_the_call", default=None)


class Kernel:
    """The tools of one MCP server, callable by name."""

    def __init__(self, server: MCPServer[Any], tools: Mapping[str, Tool], lifespan_state: Any) -> None:
        self._server = server
        self._tools = tools
        self._state = lifespan_state

    async def call(self, name: str, arguments: dict[str, Any], call_id: str, notify: Notify) -> bytes:
        """The result's JSON. `notify` takes each MCP notification on the way.

        Raises UnknownTool, InvalidArguments, ToolError (the tool said no), ToolCrashed, or the leaf the tool raised.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise _unknown(name, list(self._tools))
        _refuse_unknown_arguments(tool, arguments)
        fate = _Fate()
        token = _fate.set(fate)
        try:
            if tool.context_kwarg is None:
                result = await self._directly(tool, arguments)
            else:
                result = await self._in_session(tool, arguments, _Session(call_id, notify))
        finally:
            _fate.reset(token)
        return _plain(result, fate)

    async def _directly(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            result = await self._server.call_tool(tool.name, arguments)
        except McpToolError as exc:
            if isinstance(exc.__cause__, ValidationError):
                raise explained(exc.__cause__, InvalidArguments) from exc
            return {"isError": True, "content": [{"type": "text", "text": str(exc)}]}
        except MCPError as exc:
            raise ToolError(str(exc)) from exc
        if (structured := getattr(result, "structured_content", None)) is not None and not getattr(
            result, "is_error", False
        ):
            return {"structuredContent": structured}
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def _in_session(self, tool: Tool, arguments: dict[str, Any], session: _Session) -> dict[str, Any]:
        try:
            tool.fn_metadata.validate_arguments(arguments)
        except ValidationError as exc:
            raise explained(exc, InvalidArguments) from exc
        params = {
            "name": tool.name,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
                "io.modelcontextprotocol/clientCapabilities": {},
                "progressToken": session.request_id,
            },
        }
        connection = Connection.from_envelope(PROTOCOL_VERSION, None, {})
        try:
            return await serve_one(
                self._server._lowlevel_server,  # the SDK names no public way to it yet
                session,
                "tools/call",
                params,
                connection=connection,
                lifespan_state=self._state,
            )
        except MCPError as exc:
            raise ToolError(str(exc)) from exc


@dataclass(slots=True)
class _Session:
    """What the SDK's runner asks of a transport, for one plain call: notifications out, nothing back."""

    request_id: str
    notify_bytes: Notify
    transport: TransportContext = field(default_factory=lambda: TransportContext(kind="nats", can_send_request=False))
    message_metadata: None = None
    can_send_request: bool = False
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> None:
        self.notify_bytes(orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}}))

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        said = {"progressToken": self.request_id, "progress": progress, "total": total, "message": message}
        params = {name: value for name, value in said.items() if value is not None}
        await self.notify("notifications/progress", params)


def guarded(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn`, noting why it failed before the SDK turns that into text."""
    if inspect.iscoroutinefunction(fn):

        @wraps(fn)
        async def run_async(**arguments: Any) -> Any:
            try:
                return await _awaited(fn(**arguments))
            except Exception as exc:
                raise _noted(exc) from exc

        return run_async

    @wraps(fn)
    def run(**arguments: Any) -> Any:
        try:
            return fn(**arguments)
        except Exception as exc:
            raise _noted(exc) from exc

    return run


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def _noted(exc: Exception) -> Exception:
    fate = _fate.get()
    if isinstance(exc, MCPError):
        return exc
    if isinstance(exc, FederationError):
        error: FederationError = exc
    elif isinstance(exc, McpToolError):
        error = ToolError(str(exc))
    else:
        log.exception("tool_crashed")
        error = ToolCrashed()
    if fate is not None:
        fate.error = error
    return McpToolError(error.message)


def _plain(result: dict[str, Any], fate: _Fate) -> bytes:
    """The bare result: the structured content where there is one, else the content blocks."""
    if fate.error is not None:
        raise fate.error
    if result.get("isError"):
        raise ToolError(_text(result))
    structured = result.get("structuredContent")
    if structured is not None:
        return _dumps(structured)
    return _dumps({"content": result.get("content", [])})


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as exc:
        raise Internal(f"the tool's result is not JSON: {exc}") from exc


def _text(result: Mapping[str, Any]) -> str:
    blocks = result.get("content") or []
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict)) or "the tool failed"


def _refuse_unknown_arguments(tool: Tool, arguments: Mapping[str, Any]) -> None:
    """An argument the tool does not have is most likely a misspelt one: say so rather than ignore it."""
    known = tool.parameters.get("properties", {})
    unknown = [name for name in arguments if name not in known]
    if unknown and not tool.parameters.get("additionalProperties"):
        shown = unknown[0][:80]
        near = process.extractOne(shown, list(known), score_cutoff=60)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(known) or 'none'}"
        raise InvalidArguments(
            f"{shown}: {tool.name} has no such argument{hint}",
            details={"problems": [{"field": shown, "problem": "no such argument"}]},
        )


def _unknown(name: str, known: list[str]) -> UnknownTool:
    near = [match[0] for match in process.extract(name, known, limit=3, score_cutoff=60)]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UnknownTool(
        f"no tool {name[:80]!r} here{hint}", details={"tool": name[:128], "near": near, "tools": known[:50]}
    )
