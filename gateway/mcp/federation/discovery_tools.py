"""`search_tools`, `describe_tool`, `call_tool` and `list_servers`: how a model uses a federation too long to list.

What a model got wrong in its arguments comes back as the tool's own error, in words that help it to do better; only
`call_tool` fails as the called tool would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import structlog
from mcp_types import Tool, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bus.errors import FederationError, Refused, UnknownTool
from bus.messages import Words
from bus.validation import validated
from gateway.inquiry import Inquiry
from gateway.mcp.federation.catalogue import Catalogue, bodies_in
from gateway.mcp.federation.offers import SUMMARY
from gateway.mcp.federation.scope import Scope
from gateway.mcp.federation.toolsearch import Found

CALL_TOOL = "call_tool"
MAX_FOUND = 50
FAVOURED = 20
"""Members that the directory's own ranking is asked for."""

log = structlog.get_logger(__name__)


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SearchTools(Arguments):
    query: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="What the tool should do, in a few words"
    )
    limit: int = Field(default=10, ge=1, le=MAX_FOUND, description="How many tools to show at most")
    tag: Words = Field(description="Only tools of servers with every one of these tags")
    capability: Words = Field(description="Only tools of servers with every one of these capabilities")


class DescribeTool(Arguments):
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="The tool's name, as search_tools gives it: `<server>__<tool>`"
    )


class CallTool(DescribeTool):
    arguments: dict[str, Any] = Field(default_factory=dict, description="What describe_tool says that the tool takes")


class ListServers(Arguments):
    tag: Words = Field(description="Only servers with every one of these tags")
    capability: Words = Field(description="Only servers with every one of these capabilities")
    page: int = Field(default=1, ge=1, le=100_000)
    limit: int = Field(default=50, ge=1, le=200)


class FoundTool(BaseModel):
    name: str
    server: str
    description: str
    score: float = Field(description="Larger fits better; comparable within one answer")


class FoundTools(BaseModel):
    tools: list[FoundTool]
    of: int = Field(description="How many tools there are to search in")


class ToolDescription(BaseModel):
    server: str
    tool: dict[str, Any] = Field(description="The MCP tool object, with its inputSchema")


class ShownServer(BaseModel):
    id: str
    name: str
    description: str
    version: str
    tags: list[str]
    capabilities: list[str]
    tools: int = Field(description="How many tools it has")


class ShownServers(BaseModel):
    servers: list[ShownServer]
    total: int
    next_page: int | None


def _tool(name: str, title: str, takes: type[BaseModel], gives: type[BaseModel] | None, description: str) -> Tool:
    reads = name != CALL_TOOL
    return Tool(
        name=name,
        title=title,
        description=description,
        input_schema=takes.model_json_schema(),
        output_schema=gives.model_json_schema(mode="serialization") if gives is not None else None,
        annotations=ToolAnnotations(
            read_only_hint=reads,
            destructive_hint=None if reads else True,
            idempotent_hint=reads,
            open_world_hint=not reads,
        ),
    )


TOOLS = (
    _tool(
        "search_tools",
        "Search the federation's tools",
        SearchTools,
        FoundTools,
        "Find the tools that do something, best first, over every server of the federation. "
        "Then describe_tool shows what one takes, and call_tool calls it.",
    ),
    _tool(
        "describe_tool",
        "Describe a tool",
        DescribeTool,
        ToolDescription,
        "The full definition of one tool: description, input and output schema, annotations.",
    ),
    _tool(
        CALL_TOOL,
        "Call a tool",
        CallTool,
        None,
        "Call a tool of the federation by its name with the arguments that its schema asks for; gives its own result.",
    ),
    _tool(
        "list_servers",
        "List the servers",
        ListServers,
        ShownServers,
        "The servers of the federation with their tags, capabilities and number of tools.",
    ),
)
NAMES = tuple(tool.name for tool in TOOLS)
BODIES = tuple(orjson.dumps(tool.model_dump(mode="json", by_alias=True, exclude_none=True)) for tool in TOOLS)


class DiscoveryTools:
    """Answers them, all but `call_tool`."""

    def __init__(self, catalogue: Catalogue, inquiry: Inquiry) -> None:
        self._catalogue = catalogue
        self._inquiry = inquiry

    async def call(self, name: str, arguments: object, scope: Scope) -> dict[str, Any]:
        """The result of `search_tools`, `describe_tool` or `list_servers`."""
        given = arguments if isinstance(arguments, Mapping) else {}
        try:
            if name == "search_tools":
                told: BaseModel = await self._search(validated(SearchTools, dict(given)), scope)
            elif name == "describe_tool":
                told = self._describe(validated(DescribeTool, dict(given)), scope)
            else:
                told = self._servers(validated(ListServers, dict(given)), scope)
        except Refused as exc:
            return {"content": [{"type": "text", "text": exc.message}], "isError": True}
        structured = told.model_dump(mode="json")
        text = orjson.dumps(structured, option=orjson.OPT_INDENT_2).decode()
        return {"content": [{"type": "text", "text": text}], "structuredContent": structured}

    async def _search(self, asked: SearchTools, scope: Scope) -> FoundTools:
        view = self._catalogue.view(scope.narrowed(asked.tag, asked.capability))
        members = {offer.id: offer for offer in view.offers}
        favoured = await self._favoured(asked, scope)
        found = self._catalogue.search.find(
            asked.query,
            favoured,
            members.keys(),
            asked.limit,
            wanted=lambda tool: scope.calls(members[tool.member], tool.own),
        )
        return FoundTools(tools=[_shown(one) for one in found], of=view.tools)

    async def _favoured(self, asked: SearchTools, scope: Scope) -> list[str]:
        """The members that the directory's ranked search finds; none while it is away, the tools' own words remain."""
        query = {
            "q": asked.query,
            "tag": [*asked.tag, *scope.tags],
            "capability": [*asked.capability, *scope.capabilities],
            "limit": FAVOURED,
        }
        try:
            reply = orjson.loads(await self._inquiry.ask("search", orjson.dumps(query)))
        except FederationError as exc:
            log.info("searched_without_the_directory", error=exc.code)
            return []
        return [server["id"] for server in reply["servers"]]

    def _describe(self, asked: DescribeTool, scope: Scope) -> ToolDescription:
        tool = self._catalogue.tool(asked.name, scope)
        if tool is None:
            raise unknown_tool(asked.name, self._catalogue, scope)
        return ToolDescription(server=tool.member, tool=tool.definition)

    def _servers(self, asked: ListServers, scope: Scope) -> ShownServers:
        offers = self._catalogue.view(scope.narrowed(asked.tag, asked.capability)).offers
        start = (asked.page - 1) * asked.limit
        servers = [
            ShownServer(
                id=offer.id,
                name=offer.name,
                description=offer.description[:SUMMARY],
                version=offer.version,
                tags=sorted(offer.tags),
                capabilities=sorted(offer.capabilities),
                tools=len(bodies_in(scope, offer)),
            )
            for offer in offers[start : start + asked.limit]
        ]
        more = start + asked.limit < len(offers)
        return ShownServers(servers=servers, total=len(offers), next_page=asked.page + 1 if more else None)


def _shown(found: Found) -> FoundTool:
    tool = found.tool
    return FoundTool(name=tool.name, server=tool.member, description=tool.summary, score=round(found.score, 3))


def unknown_tool(name: str, catalogue: Catalogue, scope: Scope, more: tuple[str, ...] = ()) -> UnknownTool:
    """The refusal of a name that no tool has, with those it may have meant."""
    alike = catalogue.resembling(name, scope, more)
    hint = f"; did you mean {' or '.join(alike)}?" if alike else "; search_tools finds the right one"
    return UnknownTool(f"Unknown tool: {name[:128]}{hint}", details={"tool": name[:128], "did_you_mean": alike})
