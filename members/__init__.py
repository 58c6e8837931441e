"""Members: tool servers that join the federation by dialling out.

`member`    what you write: a `Member` with its tools, and how it runs
`presence`  the station that announces it, keeps its lease and leaves
`serving`   the station where its calls arrive
`kernel`    one call against the MCP server object
`settings`  limits, intervals, names

The services that ship are folders here: `code_analyzer`, `data_validator`, `image_service`.
"""

from __future__ import annotations

from mcp.server.mcpserver import Context
from mcp_types import ToolAnnotations

from members.member import Member, Serving
from members.settings import MemberSettings

__all__ = ["Context", "Member", "MemberSettings", "Serving", "ToolAnnotations"]
