"""Members: tool servers that join the federation by dialling out.

`member`     what you write: a `Member` with its tools, and how it runs
`instance`   one running copy, put together: `Serving`
`presence`   the station that announces it, keeps its lease and leaves
`serving`    the station where calls arrive; `answering` their frames, pieces and errors
`kernel`     a plain call: `plain` straight to the function, or `rpc` through a full MCP session
`rpc`        an MCP request against any server object (`lowlevel`), with `session`, `fanout` and `fate` beside it
`direct`     a tool that needs no session; `declared` holds what it returned to the type it declares
`identity`   who a call is for, with `context`, which tells a tool
`settings`   limits, intervals, names

The services that ship are folders here: `code_analyzer`, `data_validator`, `image_service`.
"""

from __future__ import annotations

from mcp_types import ToolAnnotations

from members.context import Context
from members.fanout import Fanout
from members.identity import Caller, current_caller
from members.instance import Serving
from members.member import Member
from members.settings import MemberSettings

__all__ = [
    "Caller",
    "Context",
    "Fanout",
    "Member",
    "MemberSettings",
    "Serving",
    "ToolAnnotations",
    "current_caller",
]
