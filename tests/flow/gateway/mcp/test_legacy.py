"""Clients of 2025-11-25 and before: a session on any gateway, whatever of it reaches which."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from bus import Bus
from bus.errors import InvalidRequest
from gateway import Gateway
from tests.flow.gateway.conftest import Told as Seen
from tests.support.http_mcp import Caller, Told
from tests.support.nats import until

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")  # logging

VERSIONS = ["2025-03-26", "2025-06-18", "2025-11-25"]
ANSWERS: dict[str, Any] = {"action": "accept", "content": {"name": "Ada", "username": "ada", "email": "a@b.c"}}


def result(told: Told) -> Any:
    assert told.status == 200
    assert "result" in told.last, told.last
    return told.last["result"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_handshake_opens_a_session(caller: Caller, version: str) -> None:
    opened = await caller.initialize(version)
    assert opened["protocolVersion"] == version
    assert opened["serverInfo"]["name"] == "everything"
    assert opened["capabilities"].keys() >= {"tools", "resources", "prompts", "logging"}
    assert "test_simple_text" in {tool["name"] for tool in result(await caller.legacy("tools/list"))["tools"]}
    called = result(await caller.legacy("tools/call", {"name": "test_simple_text"}))
    assert called["content"][0]["text"].startswith("This is")
    assert "resultType" not in called


async def test_requests_outside_a_session_are_refused(caller: Caller, gateway: Gateway) -> None:
    assert ((await caller.legacy("tools/list")).status, (await caller.legacy("tools/list")).code) == (400, -32600)
    caller.session = "o1.e30.AAAA"
    assert ((await caller.legacy("tools/list")).status, (await caller.legacy("tools/list")).code) == (404, -32600)


async def test_a_session_is_with_one_server(caller: Caller, waiter: Caller) -> None:
    await caller.initialize()
    waiter.session = caller.session
    assert (await waiter.legacy("tools/list")).status == 404


async def test_a_session_that_ended_is_over_at_every_gateway(caller: Caller, other_gateway: Gateway) -> None:
    await caller.initialize()
    other = caller.at(other_gateway.url)
    assert (await other.legacy("ping")).status == 200
    assert (await caller.send(b"", caller.legacy_head(), "DELETE")).status == 204
    assert (await caller.legacy("ping")).status == 404

    async def over() -> bool:
        return (await other.legacy("ping")).status == 404

    await until(over)


async def test_an_unknown_member_is_told_at_the_handshake(caller: Caller) -> None:
    caller.path = "/servers/nobody/mcp"
    told = await caller.legacy("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}})
    assert (told.status, told.last["error"]["data"]["code"]) == (404, "unknown_member")


async def test_progress_comes_before_the_result(caller: Caller) -> None:
    await caller.initialize()
    told = await caller.legacy("tools/call", {"name": "test_tool_with_progress", "_meta": {"progressToken": 7}})
    steps = [message["params"]["progress"] for message in told.messages if "progress" in message.get("method", "")]
    assert steps == [0, 50, 100]


async def test_the_log_level_counts_at_every_gateway(caller: Caller, other_gateway: Gateway) -> None:
    await caller.initialize()
    other = caller.at(other_gateway.url)
    call = ("tools/call", {"name": "test_logging_tool"})
    assert len((await other.legacy(*call)).messages) == 2
    assert result(await caller.legacy("logging/setLevel", {"level": "error"})) == {}

    async def quiet() -> bool:
        return len((await other.legacy(*call)).messages) == 1

    await until(quiet)
    assert len((await caller.legacy(*call)).messages) == 1
    assert (await caller.legacy("logging/setLevel", {"level": "loud"})).code == -32602


async def test_a_tool_with_mirrored_parameters_needs_no_headers_here(caller: Caller) -> None:
    await caller.initialize()
    called = await caller.legacy("tools/call", {"name": "test_x_mcp_header", "arguments": {"region": "eu"}})
    assert result(called)["content"][0]["text"] == "region=eu"


async def test_a_question_is_answered_through_another_gateway(caller: Caller, other_gateway: Gateway) -> None:
    await caller.initialize(elicitation={})
    other = caller.at(other_gateway.url)
    asked = orjson.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": TWO_ROUNDS}})
    async with caller.stream(asked, caller.legacy_head()) as stream:
        for content in ({"name": "Ada"}, {"color": "green"}):
            question = await stream.next()
            assert question["method"] == "elicitation/create"
            answer = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": content}}
            assert (await other.post(answer)).status == 202
            assert (await other.post(answer)).status == 400
        told = await stream.next()
    assert (told["id"], told["result"]["content"][0]["text"]) == (5, "Done: green")


TWO_ROUNDS = "test_input_required_result_multi_round"


async def test_only_the_session_that_was_asked_may_answer(caller: Caller, other_gateway: Gateway) -> None:
    await caller.initialize(elicitation={})
    thief = caller.at(other_gateway.url)
    await thief.initialize(elicitation={})
    asked = orjson.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": TWO_ROUNDS}})
    async with caller.stream(asked, caller.legacy_head()) as stream:
        question = await stream.next()
        answer = {"jsonrpc": "2.0", "id": question["id"], "result": ANSWERS}
        assert (await thief.post(answer)).status == 400
        assert (await caller.post(answer)).status == 202


async def test_a_client_that_refuses_a_question_ends_the_call(caller: Caller) -> None:
    await caller.initialize(sampling={})
    params = {"name": "test_sampling", "arguments": {"prompt": "x"}}
    asked = orjson.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params})
    async with caller.stream(asked, caller.legacy_head()) as stream:
        question = await stream.next()
        assert question["params"]["maxTokens"] == 100
        error = {"code": -1, "message": "the user said no"}
        await caller.post({"jsonrpc": "2.0", "id": question["id"], "error": error})
        told = await stream.next()
    assert (told["error"]["code"], told["error"]["message"]) == (-1, "the client refused: the user said no")


async def test_an_answer_nobody_waits_for_is_refused(caller: Caller) -> None:
    await caller.initialize()
    for ident in ("x", 7, f"omega-{'0' * 8}-{'0' * 16}"):
        told = await caller.post({"jsonrpc": "2.0", "id": ident, "result": {}})
        assert (told.status, told.code) == (400, -32600)


async def test_a_request_is_cancelled_through_another_gateway(
    waiter: Caller, told: Seen, other_gateway: Gateway, gateway: Gateway
) -> None:
    await waiter.initialize()
    asking = asyncio.create_task(waiter.legacy("tools/call", {"name": "wait"}, id="long"))
    async with asyncio.timeout(5):
        await told.started.wait()
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "long"}}
        assert (await waiter.at(other_gateway.url).post(note)).status == 202
        assert (await asking).code == -32800
        await told.cancelled.wait()
    assert gateway.mcp.census.requests == 0


async def test_another_session_cancels_nothing(waiter: Caller, told: Seen) -> None:
    await waiter.initialize()
    stranger = Caller(waiter.http, waiter.path)
    await stranger.initialize()
    asking = asyncio.create_task(waiter.legacy("tools/call", {"name": "wait"}, id="long"))
    async with asyncio.timeout(5):
        await told.started.wait()
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "long"}}
        await stranger.post(note)
        told.go_on.set()
        assert result(await asking)["structuredContent"] == {"went": "on"}


async def test_a_session_hears_of_changes_and_of_what_it_follows(
    caller: Caller, other_gateway: Gateway, gateway: Gateway
) -> None:
    await caller.initialize()
    other = caller.at(other_gateway.url)
    async with caller.stream(b"", caller.legacy_head(Accept="text/event-stream"), "GET") as stream:
        heard = asyncio.create_task(_heard(stream, "notifications/tools/list_changed"))

        async def told(tool: str) -> bool:
            await other.legacy("tools/call", {"name": tool})
            return heard.done()

        await until(lambda: told("test_trigger_tool_change"))
        assert "_meta" not in heard.result().get("params", {})
        assert result(await other.legacy("resources/subscribe", {"uri": "test://watched-resource"})) == {}
        heard = asyncio.create_task(_heard(stream, "notifications/resources/updated"))
        await until(lambda: told("test_trigger_resource_update"))
        assert heard.result()["params"]["uri"] == "test://watched-resource"
        await caller.send(b"", caller.legacy_head(), "DELETE")
        assert await _heard(stream, "") is None
    await until(lambda: gateway.mcp.census.streams == 0)


async def _heard(stream: Any, method: str) -> Any:
    while (message := await stream.next(10)) is not None and message["method"] != method:
        pass
    return message


async def test_a_batch_is_answered_as_one_in_the_version_that_has_them(caller: Caller) -> None:
    await caller.initialize("2025-03-26")
    batch: list[Any] = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/whatever"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "test_simple_text"}},
        {"jsonrpc": "2.0", "id": 3, "method": "no/such"},
    ]
    told = (await caller.post(batch)).last
    assert [(one["id"], "result" in one) for one in told] == [(1, True), (2, True), (3, False)]
    assert ((await caller.post(batch[1:2])).status, (await caller.post([])).code) == (202, -32600)
    await caller.initialize("2025-06-18")
    assert (await caller.post(batch)).code == -32600


async def test_an_error_of_the_server_is_no_http_error(caller: Caller) -> None:
    await caller.initialize()
    assert ((await caller.legacy("no/such")).status, (await caller.legacy("no/such")).code) == (200, -32601)
    told = await caller.legacy("resources/read", {"uri": "a://b"})
    assert (told.status, told.code) == (200, -32602)


async def test_what_one_gateway_sends_another_is_checked(bus: Bus, gateway: Gateway) -> None:
    for body in (b"", b"[]", b"{}", b'{"session":"x","message":{}}', b'{"session":"x","message":{"id":"y"}}'):
        with pytest.raises(InvalidRequest):
            await bus.request(f"omega.gateway.answer.{gateway.mcp.id}", body)
        bus.send("omega.gateway.cancelled", body)
    await bus.flush()
    assert gateway.mcp.census.questions == 0
