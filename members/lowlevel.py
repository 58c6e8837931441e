"""Any MCP server object as the one the SDK's runner takes."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.lowlevel import Server

from bus.errors import InvalidRequest


def lowlevel(server: Any) -> Server[Any]:
    """The low-level `Server` inside `server`: itself, an `MCPServer`, or a FastMCP server.

    Raises InvalidRequest for anything else. The attributes are private in both SDKs, and named nowhere else here.
    """
    if isinstance(server, Server):
        return server
    if isinstance(server, MCPServer):
        return server._lowlevel_server
    inner = getattr(server, "_mcp_server", None)
    if isinstance(inner, Server):
        return inner
    raise InvalidRequest(f"server: an MCPServer, a low-level Server or a FastMCP server, not {type(server).__name__}")
