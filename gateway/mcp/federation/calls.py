"""`tools/call` on the federation: a member's tool by its name, a discovery tool, or a tool through `call_tool`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from mcp.shared.inbound import mcp_param_headers, x_mcp_header_map

from bus.access import Principal
from bus.errors import InvalidRequest
from bus.headers import MCP_PARAM_PREFIX
from bus.validation import validated
from gateway.access.enforcement import Enforcement
from gateway.mcp.federation.discovery_tools import CALL_TOOL, NAMES, CallTool, DiscoveryTools, unknown_tool
from gateway.mcp.federation.knowledge import Knowledge
from gateway.mcp.federation.listing import complete
from gateway.mcp.federation.naming import parted
from gateway.mcp.federation.offers import ListedTool
from gateway.mcp.federation.routing import Routing, relinked, renamed
from gateway.mcp.federation.scope import Scope
from gateway.mcp.federation.splicing import raw
from gateway.mcp.upstream import Notify, UpstreamAnswer, UpstreamRequest


class ToolCalls:
    """Answers `tools/call`."""

    def __init__(
        self,
        knowledge: Knowledge,
        routing: Routing,
        discovery: DiscoveryTools,
        enforcement: Enforcement,
        info: Mapping[str, Any],
    ) -> None:
        self._knowledge = knowledge
        self._routing = routing
        self._enforcement = enforcement
        self._discovery = discovery
        self._info = info

    async def answer(self, request: UpstreamRequest, scope: Scope, notify: Notify) -> UpstreamAnswer:
        """The called tool's response.

        Raises InsufficientScope, UnknownTool, InvalidRequest, or what kept the member from answering.
        """
        name = request.params.get("name")
        if not isinstance(name, str):
            raise InvalidRequest("name: the tool to call", details={"field": "name"})
        if name == CALL_TOOL:
            return await self._through(request, scope, notify)
        if name in NAMES:
            await self._knowledge.known()
            result = await self._discovery.call(name, request.params.get("arguments"), scope)
            return UpstreamAnswer.result(request, {**result, **complete(self._info)})
        tool = await self._tool(name, scope, request.caller)
        return await self._forward(tool, renamed(request, ("params", "name"), tool.own), notify)

    async def _through(self, request: UpstreamRequest, scope: Scope, notify: Notify) -> UpstreamAnswer:
        """`call_tool`: the request that a client would have sent for the named tool, headers and all."""
        arguments = request.params.get("arguments")
        asked = validated(CallTool, dict(arguments) if isinstance(arguments, Mapping) else {})
        tool = await self._tool(asked.name, scope, request.caller)
        return await self._forward(tool, unwrapped(request, tool, asked.arguments), notify)

    async def _tool(self, name: str, scope: Scope, caller: Principal) -> ListedTool:
        named = parted(name)
        if named is not None:  # whether or not there is such a tool: a refusal tells nothing of what there is
            await self._enforcement.call(caller, *named)
        tool = await self._knowledge.tool(name, scope)
        if tool is None:
            raise unknown_tool(name, await self._knowledge.known(), scope, NAMES)
        return tool

    async def _forward(self, tool: ListedTool, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        return relinked(await self._routing.forward(tool.member, request, notify), tool.member)


def unwrapped(request: UpstreamRequest, tool: ListedTool, arguments: Mapping[str, Any]) -> UpstreamRequest:
    """The call of `tool` that a request to `call_tool` carries; everything beside name and arguments is kept.

    The arguments stay as the client spelled them, and are mirrored in headers where the tool's schema wants that.
    """
    inside = request.params["arguments"]
    path = ("params", "arguments", "arguments")
    spelled = raw(request.body, request.message, path) if "arguments" in inside else b"{}"
    params = {**request.params, "name": tool.own, "arguments": arguments}
    message = {**request.message, "params": params}
    rest = orjson.dumps({key: value for key, value in params.items() if key != "arguments"})
    outside = orjson.dumps({key: value for key, value in message.items() if key != "params"})
    body = outside[:-1] + b',"params":' + rest[:-1] + b',"arguments":' + spelled + b"}}"
    sent = {name: value for name, value in request.headers.items() if not name.startswith(MCP_PARAM_PREFIX)}
    mirrored = mcp_param_headers(x_mcp_header_map(tool.definition["inputSchema"]), arguments)
    return request._replace(body=body, message=message, headers={**sent, **mirrored})
