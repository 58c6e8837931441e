"""The whole federation as one MCP server: lists from the catalogue, calls to the one member they name.

Nothing here asks the directory, or opens anything, for a request that the catalogue can answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types.jsonrpc import METHOD_NOT_FOUND
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from bus.access import Principal
from bus.errors import InvalidRequest, NotFound, jsonrpc
from bus.names import parted_uri
from gateway.access.enforcement import Enforcement
from gateway.mcp.federation.calls import ToolCalls
from gateway.mcp.federation.directory_resources import RESOURCES as DIRECTORY_RESOURCES
from gateway.mcp.federation.directory_resources import ROOT as DIRECTORY_ROOT
from gateway.mcp.federation.directory_resources import TEMPLATES as DIRECTORY_TEMPLATES
from gateway.mcp.federation.directory_resources import DirectoryResources
from gateway.mcp.federation.discovery_tools import BODIES
from gateway.mcp.federation.gathering import PROMPTS, RESOURCES, TEMPLATES, Gatherer, Kind
from gateway.mcp.federation.knowledge import Knowledge
from gateway.mcp.federation.listening import LISTEN, Hub, followed
from gateway.mcp.federation.listing import CACHED, complete, page_answer
from gateway.mcp.federation.paging import Group, Limits
from gateway.mcp.federation.routing import Routing, contents_renamed, relinked, renamed
from gateway.mcp.federation.scope import Scope, Shown
from gateway.mcp.upstream import Notify, UpstreamAnswer, UpstreamRequest

PAGE_BYTES = 1 << 20

INSTRUCTIONS = """\
This server is a federation: many MCP servers behind one. A tool is called <server>__<tool>, and so is a prompt; a \
server's resource is omega://member/<server>/<its URI>.
When tools/list shows only search_tools, describe_tool, call_tool and list_servers, there are too many tools to list: \
search_tools(query) finds the right ones, describe_tool(name) shows what one takes, call_tool(name, arguments) calls \
it. A name found that way can also be called directly.
Servers come and go. An error whose data says "retryable": true may be over a moment later; for any other, read the \
message. omega://directory/servers tells who is there, and can be subscribed to."""

DISCOVERY = [Group("", BODIES)]
OWN = {
    kind.field: [Group("", [orjson.dumps(item) for item in items])]
    for kind, items in ((RESOURCES, DIRECTORY_RESOURCES), (TEMPLATES, DIRECTORY_TEMPLATES))
}
"""What the federation has of its own, before its members'."""

Answer = Callable[[UpstreamRequest, Notify], Awaitable[UpstreamAnswer]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the federation's lists look like, and who says so."""

    info: Mapping[str, Any]
    """`serverInfo`."""
    tools_listed: int
    """More tools than these are not listed: the discovery tools stand for them."""
    page_size: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What every endpoint on the federation shares."""

    knowledge: Knowledge
    gatherer: Gatherer
    hub: Hub
    routing: Routing
    calls: ToolCalls
    resources: DirectoryResources
    enforcement: Enforcement
    shape: Shape


class FederationUpstream:
    """The part of the federation that one scope names, as an MCP server."""

    def __init__(self, parts: Parts, scope: Scope) -> None:
        self._parts = parts
        self._scope = scope
        self._limits = Limits(parts.shape.page_size, PAGE_BYTES)
        self._answers: dict[str, Answer] = {
            "server/discover": self._discover,
            "tools/list": self._list_tools,
            "tools/call": self._call_tool,
            "prompts/list": self._lister(PROMPTS),
            "prompts/get": self._get_prompt,
            "resources/list": self._lister(RESOURCES),
            "resources/templates/list": self._lister(TEMPLATES),
            "resources/read": self._read_resource,
            "completion/complete": self._complete,
            LISTEN: self._listen,
        }

    async def answer(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        """The response. Raises a leaf of `bus.errors` for what kept the request from being answered.

        What the caller may not do is refused with InsufficientScope, and what it may not see is not there.
        """
        answer = self._answers.get(request.method)
        if answer is None:
            return UpstreamAnswer.error(request, METHOD_NOT_FOUND, "Method not found", request.method)
        try:
            return await answer(request, notify)
        except (InvalidRequest, NotFound) as exc:
            told = jsonrpc(exc, request.message["id"])
            return UpstreamAnswer(orjson.dumps(told), told["error"]["code"])

    # lists --------------------------------------------------------------------------------------------------------

    async def _discover(self, request: UpstreamRequest, _: Notify) -> UpstreamAnswer:
        changing = {"listChanged": True}
        return self._result(
            request,
            {
                "supportedVersions": list(MODERN_PROTOCOL_VERSIONS),
                "capabilities": {
                    "tools": changing,
                    "prompts": changing,
                    "resources": {"subscribe": True, **changing},
                    "completions": {},
                    "logging": {},
                },
                "instructions": INSTRUCTIONS,
                **CACHED,
            },
        )

    async def _list_tools(self, request: UpstreamRequest, _: Notify) -> UpstreamAnswer:
        view = (await self._parts.knowledge.known()).view(self._scope)
        shape, shown = self._parts.shape, self._scope.shown
        searched = shown is Shown.SEARCH or (shown is Shown.BY_SIZE and view.tools > shape.tools_listed)
        groups = DISCOVERY if searched else view.groups
        return page_answer(request, "tools", groups, self._limits, info=shape.info)

    def _lister(self, kind: Kind) -> Answer:
        async def answer(request: UpstreamRequest, _: Notify) -> UpstreamAnswer:
            seen = (await self._parts.knowledge.known()).view(self._scope).offers
            offers = [offer for offer in seen if self._scope.uses(offer)]
            groups = OWN.get(kind.field, []) + await self._parts.gatherer.groups(kind, offers)
            return page_answer(request, kind.field, groups, self._limits, info=self._parts.shape.info)

        return answer

    # one member's -------------------------------------------------------------------------------------------------

    async def _call_tool(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        return await self._parts.calls.answer(request, self._scope, notify)

    async def _get_prompt(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        name = _text(request.params, "name")
        member, own = await self._prompt(name, request.caller)
        return relinked(await self._forward(member, renamed(request, ("params", "name"), own), notify), member)

    async def _read_resource(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        uri = _text(request.params, "uri")
        if uri.startswith(DIRECTORY_ROOT):
            return self._result(request, {**await self._parts.resources.read(uri, self._scope), **CACHED})
        member, own = await self._resource(uri, request.caller)
        answer = await self._forward(member, renamed(request, ("params", "uri"), own), notify)
        return contents_renamed(answer, member)

    async def _complete(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        ref = request.params.get("ref")
        if not isinstance(ref, Mapping):
            raise InvalidRequest("ref: what to complete for", details={"field": "ref"})
        if ref.get("type") == "ref/prompt":
            member, own = await self._prompt(_text(ref, "name"), request.caller)
            return await self._forward(member, renamed(request, ("params", "ref", "name"), own), notify)
        uri = _text(ref, "uri")
        if uri.startswith(DIRECTORY_ROOT):
            return self._result(request, {"completion": {"values": [], "total": 0, "hasMore": False}})
        member, own = await self._resource(uri, request.caller)
        return await self._forward(member, renamed(request, ("params", "ref", "uri"), own), notify)

    async def _prompt(self, name: str, caller: Principal) -> tuple[str, str]:
        """The member and its own name for a prompt. Raises NotFound, InsufficientScope."""
        offers = (await self._parts.knowledge.known()).view(self._scope).offers
        used = [offer for offer in offers if self._scope.uses(offer)]
        found = await self._parts.gatherer.prompt(name, used)
        return await self._owned(found, caller, f"Unknown prompt: {name[:128]}")

    async def _resource(self, uri: str, caller: Principal) -> tuple[str, str]:
        """The member and its own URI behind a URI of the federation. Raises NotFound, InsufficientScope."""
        return await self._owned(parted_uri(uri), caller, f"Resource not found: {uri[:256]}")

    async def _owned(self, found: tuple[str, str] | None, caller: Principal, refusal: str) -> tuple[str, str]:
        if found is not None:
            await self._parts.enforcement.use(caller, found[0])
        owner = await self._parts.knowledge.member(found[0]) if found is not None else None
        if found is None or owner is None or not self._scope.holds(owner):
            raise NotFound(refusal)
        return found

    async def _forward(self, member: str, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        return await self._parts.routing.forward(member, request, notify)

    # streams ------------------------------------------------------------------------------------------------------

    async def _listen(self, request: UpstreamRequest, notify: Notify) -> UpstreamAnswer:
        await self._parts.knowledge.settled()
        for member in followed(request):
            await self._parts.enforcement.use(request.caller, member)
        for kind in (PROMPTS, RESOURCES, TEMPLATES):
            self._parts.gatherer.want(kind)
        await self._parts.hub.serve(request, self._scope, notify)
        return self._result(request, {}, {SUBSCRIPTION_ID_META_KEY: request.message["id"]})

    def _result(
        self, request: UpstreamRequest, result: Mapping[str, Any], meta: Mapping[str, Any] | None = None
    ) -> UpstreamAnswer:
        whole = {**result, **complete(self._parts.shape.info)}
        return UpstreamAnswer.result(request, whole | {"_meta": {**whole["_meta"], **(meta or {})}})


def _text(params: Mapping[str, Any], field: str) -> str:
    value = params.get(field)
    if not isinstance(value, str):
        raise InvalidRequest(f"{field}: a text is required", details={"field": field})
    return value
