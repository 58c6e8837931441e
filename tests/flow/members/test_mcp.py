"""A member speaks MCP 2026-07-28 over a real NATS, whatever server object it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from mcp.server import MCPServer
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context
from mcp_types import ListToolsResult, Tool

from bus import Bus, BusSettings, CallOptions, Federation
from bus.errors import Busy, NoInstance, TooLarge, UnknownMember
from members import Fanout, Member
from tests.support import mcp
from tests.support.federation import calculator, running_member
from tests.support.nats import until


@pytest.fixture
def member() -> Member:
    member = calculator(limit=20)

    @member.tool
    async def size(text: str) -> int:
        """The length of a text."""
        return len(text)

    @member.tool
    async def much(bytes: int) -> str:
        """A text of that length."""
        return "x" * bytes

    @member.tool
    async def learn(word: str, ctx: Context[Any, Any]) -> str:
        """Grow another tool."""

        async def learned() -> str:
            return word

        member.tool(name=word)(learned)
        await ctx.notify_tools_changed()
        return word

    @member.mcp.resource("memory://{name}")
    async def memory(name: str) -> str:
        """What is remembered of a name."""
        return f"about {name}"

    @member.mcp.prompt()
    async def greet(name: str) -> str:
        """A greeting."""
        return f"Greet {name}"

    return member


@pytest.fixture
async def spoken(federation: Federation, member: Member, settings: BusSettings) -> AsyncIterator[Federation]:
    async with running_member(member, settings):
        yield federation


async def test_a_tool_call_comes_back_as_the_tools_result(spoken: Federation) -> None:
    told = mcp.result(await spoken.mcp(mcp.call("calculator", "add", {"a": 2, "b": 3})))
    assert (told["structuredContent"], told["resultType"]) == ({"result": 5}, "complete")


async def test_one_instance_is_addressed_by_its_name(spoken: Federation) -> None:
    instance = (await spoken.server("calculator"))["instances"][0]["id"]
    told = await spoken.mcp(mcp.call("calculator", "add", {"a": 2, "b": 3}, instance=instance))
    assert mcp.result(told)["structuredContent"] == {"result": 5}
    with pytest.raises(NoInstance):
        await spoken.mcp(mcp.call("calculator", "add", {"a": 2, "b": 3}, instance="other"))


async def test_a_plain_request_gets_exactly_one_reply(spoken: Federation, bus: Bus) -> None:
    sent = orjson.dumps(mcp.body("tools/call", {"name": "count", "arguments": {"to": 3}}, progressToken="p"))
    reply = await bus.request("omega.mcp.calculator.any.tools.call.count", sent)
    assert mcp.result(reply)["structuredContent"] == {"counted": 3}


async def test_progress_is_told_only_to_who_asked(spoken: Federation) -> None:
    heard: list[dict[str, Any]] = []
    options = CallOptions(on_event=lambda event: heard.append(orjson.loads(event)))
    await spoken.mcp(mcp.call("calculator", "count", {"to": 2}), options)
    assert heard == []
    await spoken.mcp(mcp.call("calculator", "count", {"to": 2}, meta={"progressToken": "p"}), options)
    assert [event["params"]["progressToken"] for event in heard] == ["p", "p"]


async def test_resources_templates_prompts_and_discovery_are_served(spoken: Federation) -> None:
    async def ask(method: str, params: dict[str, Any] | None = None, name: str | None = None) -> dict[str, Any]:
        return mcp.result(await spoken.mcp(mcp.request("calculator", method, params, name=name)))

    assert (await ask("server/discover"))["supportedVersions"]
    templates = (await ask("resources/templates/list"))["resourceTemplates"]
    assert templates[0]["uriTemplate"] == "memory://{name}"
    contents = (await ask("resources/read", {"uri": "memory://ada"}, "memory://ada"))["contents"]
    assert contents[0]["text"] == "about ada"
    prompt = await ask("prompts/get", {"name": "greet", "arguments": {"name": "Ada"}}, "greet")
    assert prompt["messages"][0]["content"]["text"] == "Greet Ada"


BAD: list[tuple[str, str, bytes, dict[str, str], int]] = [
    ("no JSON", "tools.call.add", b"{", {}, -32700),
    ("a batch", "tools.call.add", b"[]", {}, -32600),
    ("no id", "tools.call.add", orjson.dumps({"jsonrpc": "2.0", "method": "tools/call"}), {}, -32600),
    ("no envelope", "tools.list._", orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}), {}, -32602),
    (
        "another version",
        "tools.list._",
        orjson.dumps(mcp.body("tools/list", **{k: "1999-01-01" for k in mcp.META if "Version" in k})),
        {},
        -32022,
    ),
    ("an unknown method", "no.such._", orjson.dumps(mcp.body("no/such")), {}, -32601),
    ("another method than the subject", "tools.call.add", orjson.dumps(mcp.body("tools/list")), {}, -32020),
    (
        "another name than the subject",
        "tools.call.add",
        orjson.dumps(mcp.body("tools/call", {"name": "crash"})),
        {},
        -32020,
    ),
    ("another Mcp-Method", "tools.list._", orjson.dumps(mcp.body("tools/list")), {"Mcp-Method": "x"}, -32020),
    (
        "a hidden name without its header",
        "resources.read._",
        orjson.dumps(mcp.body("resources/read", {"uri": "memory://a"})),
        {},
        -32020,
    ),
    (
        "another Mcp-Name",
        "resources.read._",
        orjson.dumps(mcp.body("resources/read", {"uri": "memory://a"})),
        {"Mcp-Name": "memory://b"},
        -32020,
    ),
]


@pytest.mark.parametrize("row", BAD, ids=[row[0] for row in BAD])
async def test_a_bad_request_is_answered_with_its_code(
    spoken: Federation, bus: Bus, row: tuple[str, str, bytes, dict[str, str], int]
) -> None:
    _, tail, sent, headers, code = row
    reply = await bus.request(f"omega.mcp.calculator.any.{tail}", sent, headers=headers or None)
    assert (mcp.error(reply)["code"], reply.headers["Mcp-Error-Code"]) == (code, str(code))


async def test_a_busy_member_says_so_in_json_rpc_and_to_the_bus(federation: Federation, settings: BusSettings) -> None:
    member = calculator(limit=1)
    opened, entered = asyncio.Event(), asyncio.Event()

    @member.tool
    async def wait() -> None:
        """Wait."""
        entered.set()
        await opened.wait()

    async with running_member(member, settings):
        first = asyncio.create_task(federation.mcp(mcp.call("calculator", "wait")))
        async with asyncio.timeout(5):
            await entered.wait()
        with pytest.raises(Busy, match="not executed"):
            await federation.mcp(mcp.call("calculator", "wait"))
        opened.set()
        await first


async def test_a_large_request_and_a_large_result_pass_in_pieces(spoken: Federation) -> None:
    sent = mcp.call("calculator", "size", {"text": "y" * (3 << 20)})
    assert mcp.result(await spoken.mcp(sent))["structuredContent"] == {"result": 3 << 20}
    got = mcp.result(await spoken.mcp(mcp.call("calculator", "much", {"bytes": 2 << 20})))
    assert len(got["structuredContent"]["result"]) == 2 << 20
    assert len((await spoken.call("calculator", "much", {"bytes": 5 << 20}))["result"]) == 5 << 20


async def test_what_is_above_the_limit_is_refused_on_either_side(spoken: Federation) -> None:
    with pytest.raises(TooLarge, match="limit is"):
        await spoken.call("calculator", "much", {"bytes": 17 << 20})
    with pytest.raises(TooLarge, match="more than"):
        await spoken.call("calculator", "size", {"text": "y" * (17 << 20)})
    with pytest.raises(TooLarge, match="more than 1000000"):
        await spoken.call("calculator", "much", {"bytes": 2 << 20}, CallOptions(max_result=1_000_000))
    assert await spoken.call("calculator", "add", {"a": 1, "b": 1}) == {"result": 2}
    await until(lambda: spoken.bus.waiting == 0)


async def test_a_small_call_is_not_held_up_by_a_large_one(spoken: Federation) -> None:
    large = asyncio.create_task(spoken.call("calculator", "much", {"bytes": 8 << 20}))
    for _ in range(20):
        assert await spoken.call("calculator", "add", {"a": 1, "b": 1}, CallOptions(timeout=2)) == {"result": 2}
    assert len((await large)["result"]) == 8 << 20


async def test_a_listener_hears_of_a_change_at_another_instance(
    spoken: Federation, settings: BusSettings, member: Member
) -> None:
    other = await Bus.connect(settings)
    async with member.serving(other):
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        options = CallOptions(timeout=None, on_event=lambda event: heard.put_nowait(orjson.loads(event)))
        wish = mcp.request("calculator", "subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        listening = asyncio.create_task(spoken.mcp(wish, options))
        async with asyncio.timeout(5):
            assert (await heard.get())["method"] == "notifications/subscriptions/acknowledged"
            for instance in (await spoken.server("calculator"))["instances"]:
                await spoken.mcp(
                    mcp.call("calculator", "learn", {"word": f"w{instance['id']}"}, instance=instance["id"])
                )
                assert (await heard.get())["method"] == "notifications/tools/list_changed"
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    async def retold() -> bool:
        names = {tool["name"] for tool in (await spoken.server("calculator"))["tools"]}
        return len({name for name in names if name.startswith("w")}) == 2

    await until(retold)
    await other.close()


async def test_a_stream_ends_when_its_listener_goes_away(spoken: Federation, settings: BusSettings) -> None:
    listener = await Bus.connect(settings)
    heard = asyncio.Event()
    wish = mcp.request("calculator", "subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    options = CallOptions(timeout=None, on_event=lambda _: heard.set())
    listening = asyncio.create_task(Federation(listener).mcp(wish, options))
    async with asyncio.timeout(5):
        await heard.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    async def idle() -> bool:
        stats = orjson.loads((await spoken.bus.request("$SRV.STATS.calculator", b"")).data)
        return any(endpoint["num_requests"] > 0 for endpoint in stats["endpoints"] if endpoint["name"] == "mcp")

    await until(idle)
    await listener.close()


async def test_an_mcp_server_of_ones_own_is_served_as_it_is(federation: Federation, settings: BusSettings) -> None:
    server = MCPServer("mine", subscriptions=Fanout(), log_level="WARNING")

    @server.tool()
    def shout(text: str) -> str:
        """Louder."""
        return text.upper()

    async with running_member(Member("mine", server=server), settings):
        told = mcp.result(await federation.mcp(mcp.call("mine", "shout", {"text": "a"})))
        assert told["structuredContent"] == {"result": "A"}
        assert await federation.call("mine", "shout", {"text": "a"}) == {"result": "A"}
        assert (await federation.server("mine"))["tools"][0]["name"] == "shout"


async def test_a_low_level_server_without_tools_is_a_member_too(federation: Federation, settings: BusSettings) -> None:
    async with running_member(Member("bare", server=Server("bare")), settings):
        assert (await federation.server("bare"))["tools"] == []
        reply = await federation.mcp(mcp.request("bare", "tools/list"))
        assert mcp.error(reply)["code"] == -32601


async def test_a_low_level_server_lists_its_own_tools(federation: Federation, settings: BusSettings) -> None:
    async def listed(*_: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name="one", input_schema={"type": "object"})])

    async with running_member(Member("low", server=Server("low", on_list_tools=listed)), settings):
        assert [tool["name"] for tool in (await federation.server("low"))["tools"]] == ["one"]


async def test_a_request_for_nobody_says_whether_there_is_such_a_member(federation: Federation) -> None:
    with pytest.raises(UnknownMember):
        await federation.mcp(mcp.request("nobody", "tools/list"))


async def test_streams_that_wait_take_no_slot_of_a_call(federation: Federation, settings: BusSettings) -> None:
    async with running_member(calculator(limit=1), settings):
        heard = asyncio.Event()
        wish = mcp.request("calculator", "subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        options = CallOptions(timeout=None, on_event=lambda _: heard.set())
        listening = asyncio.create_task(federation.mcp(wish, options))
        async with asyncio.timeout(5):
            await heard.wait()
        assert await federation.call("calculator", "add", {"a": 1, "b": 1}) == {"result": 2}
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
