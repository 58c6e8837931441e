"""One plain call against the server object: an arguments object in, the bare result's JSON out.

A tool of ours that asks for no `Context` is called directly; everything else runs as a `tools/call` in a full MCP
session, so that its progress and log messages have somewhere to go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError as McpToolError
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from rapidfuzz import process

from bus.errors import ToolError, UnknownTool
from members.fate import Fate, fate_of_the_call
from members.plain import PlainTool, plain_result
from members.rpc import Rpc
from members.session import BusDispatch, Notify


class Kernel:
    """The tools of one server object, callable by name."""

    def __init__(self, rpc: Rpc, tools: Mapping[str, Tool], foreign: frozenset[str] = frozenset()) -> None:
        """`tools` are ours, `foreign` the names of tools that only the server object itself knows."""
        self._rpc = rpc
        self._tools = {name: PlainTool(tool) for name, tool in tools.items()}
        self.foreign = foreign

    async def call(self, name: str, arguments: dict[str, Any], call_id: str, notify: Notify) -> bytes:
        """The result's JSON. `notify` takes each MCP notification on the way.

        Raises UnknownTool, InvalidArguments, ToolError (the tool said no), ToolCrashed, or the leaf the tool raised.
        """
        tool = self._tools.get(name)
        if tool is None and name not in self.foreign:
            raise _unknown(name, [*self._tools, *self.foreign])
        fate = Fate()
        token = fate_of_the_call.set(fate)
        try:
            if tool is not None and not tool.needs_session:
                return await tool.call(arguments)
            if tool is not None:
                tool.bind(arguments)
            dispatch = BusDispatch(call_id, call_id, notify)
            return plain_result(await self._rpc.ask("tools/call", {"name": name, "arguments": arguments}, dispatch))
        except (McpToolError, MCPError, ToolError) as exc:
            raise fate.error or ToolError(str(exc)) from exc
        finally:
            fate_of_the_call.reset(token)


def _unknown(name: str, known: list[str]) -> UnknownTool:
    near = [match[0] for match in process.extract(name, known, limit=3, score_cutoff=60)]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    details = {"tool": name[:128], "near": near, "tools": known[:50]}
    return UnknownTool(f"no tool {name[:80]!r} here{hint}", details=details)
