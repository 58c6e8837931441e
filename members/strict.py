"""The SDK's server, with the error that the specification has for a tool or a prompt that is not there.

The SDK tells of an unknown tool in a result and of an unknown prompt as an internal error; both are invalid params. The
context that it gives to tools, prompts and resources is made one that knows the caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, GetPromptResult, InputRequiredResult
from mcp_types.jsonrpc import INVALID_PARAMS
from pydantic import AnyUrl

from members.context import with_caller


class StrictServer(MCPServer[Any]):
    """What a `Member` makes for its tools when it is given no server object."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Raises, beside what the SDK does, MCPError for a tool that is not there."""
        try:
            return await super().call_tool(name, arguments, with_caller(context))
        except ToolError as exc:
            if all(tool.name != name for tool in await self.list_tools()):
                raise MCPError(INVALID_PARAMS, f"Unknown tool: {name[:128]}") from exc
            raise

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """As the SDK's."""
        return await super().read_resource(uri, with_caller(context))

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Raises, beside what the SDK does, MCPError for a prompt that is not there."""
        try:
            return await super().get_prompt(name, arguments, with_caller(context))
        except ValueError as exc:
            if all(prompt.name != name for prompt in await self.list_prompts()):
                raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:128]}") from exc
            raise
