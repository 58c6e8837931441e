"""One tool call against the MCP server object: arguments in, the result's JSON bytes out.

A tool that asks for no `Context` is called directly; one that does runs in a full MCP session, so that its progress
and log messages have somewhere to go. Either way the models made from its signature check what goes in and out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.mcpserver.exceptions import ToolError as McpToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.runner import serve_one
from mcp.shared.exceptions import MCPError
from rapidfuzz import process

from bus.errors import ToolError, UnknownTool
from members.fate import Fate, fate_of_the_call
from members.plain import PlainTool, plain_result
from members.session import BusDispatch, Notify

PROTOCOL_VERSION = "2026-07-28"


class Kernel:
    """The tools of one MCP server, callable by name."""

    def __init__(self, server: MCPServer[Any], tools: Mapping[str, Tool], lifespan_state: Any) -> None:
        self._server = server
        self._tools = {name: PlainTool(tool) for name, tool in tools.items()}
        self._state = lifespan_state

    async def call(self, name: str, arguments: dict[str, Any], call_id: str, notify: Notify) -> bytes:
        """The result's JSON. `notify` takes each MCP notification on the way.

        Raises UnknownTool, InvalidArguments, ToolError (the tool said no), ToolCrashed, or the leaf the tool raised.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise _unknown(name, list(self._tools))
        bound = tool.bind(arguments)
        fate = Fate()
        token = fate_of_the_call.set(fate)
        try:
            if tool.needs_session:
                return plain_result(await self._in_session(name, arguments, BusDispatch(call_id, notify)))
            meta = tool.tool.fn_metadata
            return tool.shape(await meta.call_fn(tool.tool.fn, tool.tool.is_async, bound))
        except (McpToolError, MCPError, ToolError) as exc:
            raise fate.error or ToolError(str(exc)) from exc
        finally:
            fate_of_the_call.reset(token)

    async def _in_session(self, name: str, arguments: dict[str, Any], dispatch: BusDispatch) -> dict[str, Any]:
        params = {
            "name": name,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
                "io.modelcontextprotocol/clientCapabilities": {},
                "progressToken": dispatch.request_id,
            },
        }
        return await serve_one(
            self._server._lowlevel_server,  # the SDK names no public way to it yet
            dispatch,
            "tools/call",
            params,
            connection=Connection.from_envelope(PROTOCOL_VERSION, None, {}),
            lifespan_state=self._state,
        )


def _unknown(name: str, known: list[str]) -> UnknownTool:
    near = [match[0] for match in process.extract(name, known, limit=3, score_cutoff=60)]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    details = {"tool": name[:128], "near": near, "tools": known[:50]}
    return UnknownTool(f"no tool {name[:80]!r} here{hint}", details=details)
