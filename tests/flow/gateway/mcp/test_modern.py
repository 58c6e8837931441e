"""Clients of 2026-07-28: bytes in, bytes out, a stream only when there is something to stream."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, Tool

from bus import BusSettings
from gateway import Gateway, GatewaySettings
from members import Member
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.flow.gateway.mcp.conftest import KEY
from tests.support import mcp
from tests.support.federation import running_member
from tests.support.http_mcp import Caller
from tests.support.nats import until

UNKNOWN_VERSION = {key: "2099-01-01" for key in mcp.META if key.endswith("protocolVersion")}


async def test_a_result_without_notifications_is_plain_json(caller: Caller) -> None:
    told = await caller.modern("tools/call", {"name": "test_simple_text"})
    assert (told.status, told.headers["Content-Type"]) == (200, "application/json")
    assert told.last["result"]["content"][0]["text"] == "This is a simple text response for testing."
    assert "Mcp-Session-Id" not in told.headers


async def test_progress_makes_it_a_stream(caller: Caller) -> None:
    told = await caller.modern("tools/call", {"name": "test_tool_with_progress"}, progressToken="p")
    assert (told.headers["Content-Type"], told.headers["X-Accel-Buffering"]) == ("text/event-stream", "no")
    assert [message["params"]["progress"] for message in told.messages[:-1]] == [0, 50, 100]
    assert told.last["result"]["resultType"] == "complete"


async def test_a_door_shows_its_member(gateway: Gateway, client: aiohttp.ClientSession, member: Member) -> None:
    told = await Caller(client, f"{gateway.door_urls[SUBJECT]}/mcp").modern(
        "tools/call", {"name": "add", "arguments": {"left": 2, "right": 3}}
    )
    assert told.last["result"]["structuredContent"] == {"sum": 5}


async def test_a_name_that_is_no_token_reaches_its_resource(caller: Caller) -> None:
    told = await caller.modern("resources/read", {"uri": "test://template/ä b/data"})
    assert told.code == -32602 or told.last["result"]["contents"]


async def test_an_unknown_member_is_told_in_json_rpc(client: aiohttp.ClientSession, everything: Member) -> None:
    told = await Caller(client, "/servers/nobody/mcp").modern("tools/list")
    assert (told.status, told.last["id"]) == (404, 1)
    assert told.last["error"]["data"]["code"] == "unknown_member"


async def test_a_name_that_cannot_be_a_member_is_told_in_json_rpc(client: aiohttp.ClientSession) -> None:
    told = await Caller(client, "/servers/a%2Eb/mcp").modern("tools/list")
    assert (told.status, told.code) == (400, -32602)


META = orjson.dumps(mcp.META).decode()
ROWS = [
    ("no JSON", b"{", {}, 400, -32700, None),
    ("nothing", b"", {}, 400, -32700, None),
    ("a batch", b"[]", {}, 400, -32600, None),
    ("an answer", b'{"jsonrpc":"2.0","id":1,"result":{}}', {}, 400, -32600, None),
    ("no usable id", b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', {}, 400, -32600, None),
    ("an endless method", orjson.dumps(mcp.body("x" * 200)), {}, 400, -32600, None),
    ("an unknown method", orjson.dumps(mcp.body("no/such")), {"Mcp_Method": "no/such"}, 404, -32601, 1),
    ("a removed method", orjson.dumps(mcp.body("ping")), {"Mcp_Method": "ping"}, 404, -32601, 1),
    ("no envelope", b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', {}, 400, -32602, 1),
    (
        "no capabilities",
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"x":1}}}',
        {},
        400,
        -32602,
        1,
    ),
    ("params that are a list", b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}', {}, 400, -32602, 1),
    (
        "no such resource",
        orjson.dumps(mcp.body("resources/read", {"uri": "a://b"})),
        {"Mcp_Method": "resources/read", "Mcp_Name": "a://b"},
        400,
        -32602,
        1,
    ),
    ("another method in the header", orjson.dumps(mcp.body("tools/list")), {"Mcp_Method": "x"}, 400, -32020, 1),
    ("no method header", orjson.dumps(mcp.body("tools/list")), {"Mcp_Method": None}, 400, -32020, 1),
    ("no version header", orjson.dumps(mcp.body("tools/list")), {"MCP_Protocol_Version": None}, 400, -32020, 1),
    (
        "an old version header",
        orjson.dumps(mcp.body("tools/list")),
        {"MCP_Protocol_Version": "2025-11-25"},
        400,
        -32020,
        1,
    ),
    (
        "another name in the header",
        orjson.dumps(mcp.body("tools/call", {"name": "test_simple_text"})),
        {"Mcp_Method": "tools/call", "Mcp_Name": "other"},
        400,
        -32020,
        1,
    ),
    (
        "a parameter without its header",
        orjson.dumps(mcp.body("tools/call", {"name": "test_x_mcp_header", "arguments": {"region": "eu"}})),
        {"Mcp_Method": "tools/call", "Mcp_Name": "test_x_mcp_header"},
        400,
        -32020,
        1,
    ),
    (
        "a capability that is not declared",
        orjson.dumps(mcp.body("tools/call", {"name": "test_missing_capability"})),
        {"Mcp_Method": "tools/call", "Mcp_Name": "test_missing_capability"},
        400,
        -32021,
        1,
    ),
    (
        "an unknown version",
        orjson.dumps(mcp.body("tools/list", **UNKNOWN_VERSION)),
        {"MCP_Protocol_Version": "2099-01-01"},
        400,
        -32022,
        1,
    ),
    (
        "a notification of an unknown version",
        b'{"jsonrpc":"2.0","method":"a"}',
        {"MCP_Protocol_Version": "2099-01-01"},
        400,
        -32022,
        None,
    ),
    ("JSON only", orjson.dumps(mcp.body("tools/list")), {"Accept": "application/json"}, 406, -32600, None),
    ("another content type", orjson.dumps(mcp.body("tools/list")), {"Content_Type": "text/plain"}, 415, -32602, None),
    ("too large", b" " * (16 << 20) + b" ", {}, 413, -32602, None),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
async def test_bad_input_gets_its_exact_status_and_code(caller: Caller, row: tuple) -> None:  # type: ignore[type-arg]
    _, body, head, status, code, request_id = row
    told = await caller.send(body, caller.head({"method": "tools/list"}, **head))
    assert (told.status, told.code, told.last["id"]) == (status, code, request_id)
    assert told.last["error"]["message"]


@pytest.mark.parametrize("method", ["tools/call", "prompts/get"])
async def test_a_tool_or_a_prompt_that_is_not_there_is_an_invalid_parameter(waiter: Caller, method: str) -> None:
    told = await waiter.modern(method, {"name": "no such"})
    assert (told.status, told.code) == (400, -32602)
    assert "no such" in told.last["error"]["message"]
    await waiter.initialize()
    older = await waiter.legacy(method, {"name": "no such"})
    assert (older.status, older.code) == (200, -32602)


async def test_an_internal_error_is_no_http_error(client: aiohttp.ClientSession, settings: BusSettings) -> None:
    async with running_member(failing(), settings):
        told = await Caller(client, "/servers/failing/mcp").modern("tools/call", {"name": "x"})
    assert (told.status, told.headers["Content-Type"], told.code) == (200, "application/json", -32603)
    assert "secret" not in str(told.last)


async def test_an_error_after_progress_is_the_last_message_of_a_stream(
    client: aiohttp.ClientSession, settings: BusSettings
) -> None:
    async with running_member(failing(), settings):
        told = await Caller(client, "/servers/failing/mcp").modern("tools/call", {"name": "x"}, progressToken="p")
    assert (told.status, told.headers["Content-Type"], told.code) == (200, "text/event-stream", -32603)
    assert [message.get("method") for message in told.messages] == ["notifications/progress", None]


def failing() -> Member:
    """A member whose tool tells of progress, and then fails in a way nobody expected."""

    async def call(ctx: ServerRequestContext[Any, Any], _: CallToolRequestParams) -> CallToolResult:
        await ctx.session.report_progress(1, 2)
        raise RuntimeError("secret detail")

    async def listed(*_: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name="x", input_schema={"type": "object"})])

    return Member("failing", server=Server("failing", on_call_tool=call, on_list_tools=listed))


async def test_an_unknown_version_is_refused_with_those_that_are_known(caller: Caller) -> None:
    message = mcp.body("tools/list", **UNKNOWN_VERSION)
    told = await caller.send(orjson.dumps(message), caller.head(message, MCP_Protocol_Version="2099-01-01"))
    data = told.last["error"]["data"]
    assert (data["requested"], "2026-07-28" in data["supported"]) == ("2099-01-01", True)


async def test_a_missing_capability_is_named(caller: Caller) -> None:
    told = await caller.modern("tools/call", {"name": "test_missing_capability"})
    assert (told.status, told.code) == (400, -32021)
    assert told.last["error"]["data"]["requiredCapabilities"]


async def test_no_retired_or_invented_code_is_ever_told(caller: Caller) -> None:
    """A member that is not there is an internal error with its reason in the data, and no code of our own."""
    gone = Caller(caller.http, "/servers/nobody/mcp")
    told = await gone.modern("tools/list")
    assert told.last["error"]["data"]["code"] == "unknown_member"
    missing = await caller.modern("resources/read", {"uri": "a://b"})
    for code in (told.code, missing.code):
        assert code is not None
        assert code not in (-32002, -32042)
        assert not -32099 <= code <= -32000


async def test_a_doubled_routing_header_is_refused(caller: Caller) -> None:
    message = mcp.body("tools/list")
    head = [*caller.head(message).items(), ("Mcp-Method", "tools/list")]
    async with caller.http.post(caller.path, data=orjson.dumps(message), headers=head) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
async def test_a_modern_client_may_only_post(caller: Caller, method: str) -> None:
    told = await caller.send(b"", {"MCP-Protocol-Version": "2026-07-28", "Accept": "text/event-stream"}, method)
    assert (told.status, told.headers["Allow"], told.code) == (405, "POST", -32600)


async def test_a_notification_is_taken_and_not_answered(caller: Caller) -> None:
    message = {"jsonrpc": "2.0", "method": "notifications/whatever"}
    told = await caller.send(orjson.dumps(message), caller.head(message))
    assert (told.status, told.messages) == (202, [])


@pytest.mark.parametrize(
    ("head", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)]
)
async def test_a_foreign_page_is_refused_in_json_rpc(caller: Caller, head: dict[str, str], status: int) -> None:
    message = mcp.body("tools/list")
    told = await caller.send(orjson.dumps(message), caller.head(message) | head)
    assert (told.status, told.last["jsonrpc"]) == (status, "2.0")


async def test_a_client_that_closes_cancels_the_tool(waiter: Caller, told: Told) -> None:
    message = mcp.body("tools/call", {"name": "wait"})
    asking = asyncio.create_task(waiter.send(orjson.dumps(message), waiter.head(message)))
    async with asyncio.timeout(5):
        await told.started.wait()
        asking.cancel()
        await told.cancelled.wait()


async def test_a_deadline_cancels_the_tool(waiter: Caller, told: Told) -> None:
    message = mcp.body("tools/call", {"name": "wait"})
    answer = await waiter.send(orjson.dumps(message), waiter.head(message, X_Omega_Timeout_Ms="200"))
    assert (answer.status, answer.last["error"]["data"]["code"]) == (504, "deadline_exceeded")
    async with asyncio.timeout(5):
        await told.cancelled.wait()


async def test_changes_are_told_to_a_listener_until_it_leaves(caller: Caller, gateway: Gateway) -> None:
    message = mcp.body("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id="listening")
    async with caller.stream(orjson.dumps(message), caller.head(message)) as stream:
        assert (await stream.next())["method"] == "notifications/subscriptions/acknowledged"
        await caller.modern("tools/call", {"name": "test_trigger_tool_change"})
        changed = await stream.next()
        assert changed["method"] == "notifications/tools/list_changed"
        assert changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == "listening"
        assert gateway.mcp.census.streams == 1
    await until(lambda: gateway.mcp.census.streams == 0)


async def test_a_gateway_that_stops_says_goodbye_to_listeners(caller: Caller, gateway: Gateway) -> None:
    message = mcp.body("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id="listening")
    async with caller.stream(orjson.dumps(message), caller.head(message)) as stream:
        await stream.next()
        async with asyncio.timeout(1.5):
            stopping = asyncio.create_task(gateway.stop())
            goodbye = await stream.next()
            assert (goodbye["id"], goodbye["result"]["resultType"]) == ("listening", "complete")
            assert await stream.next() is None
            await stopping


class TestQuickGateway:
    """A gateway with little patience and few streams."""

    @pytest.fixture
    def gateway_settings(self) -> GatewaySettings:
        return GatewaySettings(
            port=0, doors={}, drain_s=1, stream_silence_s=0.1, max_streams=1, session_key=KEY, send_timeout_s=0.5
        )

    async def test_silence_makes_it_a_stream_with_a_pulse(self, waiter: Caller, told: Told) -> None:
        message = mcp.body("tools/call", {"name": "wait"})
        async with waiter.stream(orjson.dumps(message), waiter.head(message)) as stream:
            assert stream.answer.content_type == "text/event-stream"
            assert await stream.comment() == b": ping\n"
            told.go_on.set()
            assert (await stream.next())["result"]["structuredContent"] == {"went": "on"}

    async def test_an_error_after_the_stream_began_is_its_last_message(self, waiter: Caller) -> None:
        message = mcp.body("tools/call", {"name": "wait"})
        answer = await waiter.send(orjson.dumps(message), waiter.head(message, X_Omega_Timeout_Ms="400"))
        assert (answer.status, answer.last["error"]["data"]["code"]) == (200, "deadline_exceeded")

    async def test_one_stream_too_many_is_refused(self, caller: Caller) -> None:
        message = mcp.body("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        async with caller.stream(orjson.dumps(message), caller.head(message)) as stream:
            await stream.next()
            refused = await caller.send(orjson.dumps(message), caller.head(message))
            assert (refused.status, refused.last["error"]["data"]["code"]) == (429, "busy")
