"""A direct `tools/call` answers exactly as one in a full MCP session does."""

from __future__ import annotations

import typing
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError as McpToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ImageContent, TextContent
from opentelemetry import trace
from pydantic import BaseModel
from typing_extensions import TypedDict

from bus import Message
from bus.errors import NotFound
from members import Context, Member
from members.direct import SPANS_LOOK_S, Spans
from members.plain import PlainTool
from members.rpc import PROTOCOL_VERSION, Rpc, RpcReply

META = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Place(BaseModel):
    name: str
    height: float | None = None


class Shape(TypedDict):
    sides: int
    names: list[str | None]


class OfTheStandardLibrary(typing.TypedDict):  # as people write it, and pydantic refuses it before Python 3.12
    sides: int


@pytest.fixture
def member() -> Member:
    member = Member("shapes", name="Shapes")

    @member.tool
    async def number(of: int) -> int:
        return of * 2

    @member.tool
    def in_a_thread(of: int) -> list[int]:
        return list(range(of))

    @member.tool
    async def model(name: str) -> Place:
        return Place(name=name)

    @member.tool
    async def shape(sides: int = 3) -> Shape:
        return {"sides": sides, "names": ["ä", None]}

    @member.tool
    async def standard(sides: int) -> OfTheStandardLibrary:
        return {"sides": sides}

    @member.tool
    async def says(text: str) -> str:
        return text

    @member.tool
    async def yes() -> bool:
        return True

    @member.tool
    async def anything(value: Any) -> dict[str, Any]:
        return {"value": value, "none": None}

    @member.tool
    async def untyped():  # type: ignore[no-untyped-def] # as people write them
        return {"free": True}

    @member.tool
    async def picture() -> Image:
        return Image(data=b"\x89PNG", format="png")

    @member.tool
    async def whole() -> CallToolResult:
        blocks = [TextContent(type="text", text="a"), ImageContent(type="image", data="AA==", mime_type="image/png")]
        return CallToolResult(content=blocks, structured_content={"a": 1}, _meta={"own": True})

    @member.tool
    async def wrong() -> int:
        return "not a number"  # type: ignore[return-value] # what is tested

    @member.tool
    async def refuses() -> int:
        raise NotFound("no such thing", details={"thing": "x"})

    @member.tool
    async def says_no() -> int:
        raise McpToolError("no")

    @member.tool
    async def crashes() -> int:
        raise RuntimeError("a secret")

    @member.tool
    async def breaks_the_protocol() -> int:
        raise MCPError(-32042, "elsewhere", {"url": "x"})

    @member.tool
    async def asks(ctx: Context[Any, Any]) -> int:
        return 1

    return member


CALLS: list[tuple[str, Any]] = [
    ("number", {"of": 2}),
    ("number", {"of": "2"}),
    ("number", {"of": "two"}),
    ("number", {}),
    ("number", {"of": 2, "extra": 1}),
    ("in_a_thread", {"of": 3}),
    ("model", {"name": "K2"}),
    ("shape", {}),
    ("shape", None),
    ("standard", {"sides": 4}),
    ("says", {"text": "ä\n"}),
    ("yes", {}),
    ("anything", {"value": [1, {"deep": [None, 1.5, "ü"]}]}),
    ("untyped", {}),
    ("picture", {}),
    ("whole", {}),
    ("wrong", {}),
    ("refuses", {}),
    ("says_no", {}),
    ("crashes", {}),
    ("breaks_the_protocol", {}),
    ("asks", {}),
    ("nobody", {}),
]


async def answer(member: Member, params: dict[str, Any], *, direct: bool) -> RpcReply:
    served = member._served()
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(served.server.lifespan(served.server))
        rpc = Rpc(served.server, state, served.tools if direct else {})
        request = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {**params, "_meta": META}}
        message = Message("s", orjson.dumps(request), {}, "")
        return await rpc.answer(message, f"tools.call.{params.get('name')}", lambda _: None)


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_the_answer_is_the_one_of_a_session(member: Member, tool: str, arguments: Any) -> None:
    params = {"name": tool, **({} if arguments is None else {"arguments": arguments})}
    expected = await answer(member, params, direct=False)
    got = await answer(member, params, direct=True)
    assert orjson.loads(got.body) == orjson.loads(expected.body)
    assert got.error_code == expected.error_code


async def test_a_typed_dict_of_the_standard_library_is_a_plain_result_too(member: Member) -> None:
    tool = PlainTool(member._tools["standard"])
    assert orjson.loads(await tool.call({"sides": 4})) == {"sides": 4}


def taken(member: Member, params: dict[str, Any]) -> bool:
    served = member._served()
    return Rpc(served.server, None, served.tools)._direct.tool(params) is not None


def test_a_small_typed_tool_needs_no_session(member: Member) -> None:
    assert taken(member, {"name": "number", "arguments": {"of": 1}, "_meta": META})


@pytest.mark.parametrize(
    "params",
    [
        {"name": "asks", "arguments": {}},
        {"name": "untyped", "arguments": {}},
        {"name": "nobody", "arguments": {}},
        {"name": 7, "arguments": {}},
        {"name": "number", "arguments": []},
        {"name": "number", "arguments": {"of": 1}, "requestState": "sealed"},
        {"name": "number", "arguments": {"of": 1}, "inputResponses": {}},
        {"name": "number", "arguments": {"of": 1}, "task": {}},
    ],
)
def test_whatever_needs_a_session_gets_one(member: Member, params: dict[str, Any]) -> None:
    assert not taken(member, params)


def test_a_middleware_of_ones_own_sees_every_call(member: Member) -> None:
    async def watching(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    member._lowlevel.middleware.append(watching)
    assert not taken(member, {"name": "number", "arguments": {"of": 1}})


def test_spans_that_go_somewhere_are_made_by_the_session(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    assert not taken(member, {"name": "number", "arguments": {"of": 1}})


def test_a_provider_of_spans_is_seen_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    spans = Spans(lambda: now)
    assert not spans.made()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    now = SPANS_LOOK_S
    assert spans.made()
