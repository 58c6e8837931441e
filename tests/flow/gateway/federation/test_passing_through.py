"""What a member asks back, and what travels beside the body, passes through the federation untouched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from bus import BusSettings
from directory import Directory
from tests.support import mcp
from tests.support.aggregate import Asking, aggregate_of
from tests.support.conformance_member import ID, conformance_member
from tests.support.federation import running_member

ELICITING = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
BOTH = pytest.mark.parametrize("through", [False, True], ids=["by its name", "through call_tool"])


@pytest.fixture
async def ask(directory: Directory, settings: BusSettings) -> AsyncIterator[Asking]:
    async with running_member(conformance_member(), settings), aggregate_of(settings) as asking:
        yield asking


def params_of(tool: str, arguments: dict[str, Any], through: bool) -> dict[str, Any]:
    name = f"{ID}__{tool}"
    if through:
        return {"name": "call_tool", "arguments": {"name": name, "arguments": arguments}}
    return {"name": name, "arguments": arguments}


@BOTH
async def test_a_member_asks_back_and_goes_on_with_the_answer(ask: Asking, through: bool) -> None:
    params = params_of("test_input_required_result_request_state", {}, through)
    asked = await ask("tools/call", params, **ELICITING)
    assert asked["resultType"] == "input_required"
    assert asked["inputRequests"]["confirm"]["method"] == "elicitation/create"
    answers = {"confirm": {"action": "accept", "content": {"ok": True}}}
    told = await ask(
        "tools/call", {**params, "inputResponses": answers, "requestState": asked["requestState"]}, **ELICITING
    )
    assert (told["resultType"], told["content"][0]["text"]) == ("complete", "state-ok")


@BOTH
async def test_a_members_own_error_keeps_its_code_and_data(ask: Asking, through: bool) -> None:
    told = await ask.error("tools/call", params_of("test_missing_capability", {}, through))
    assert (told["code"], told["data"]) == (-32021, {"requiredCapabilities": {"sampling": {}}})


@BOTH
async def test_a_tools_own_error_is_a_result(ask: Asking, through: bool) -> None:
    assert (await ask("tools/call", params_of("test_error_handling", {}, through)))["isError"] is True


@pytest.mark.parametrize(
    ("sent", "code"), [({"Mcp-Param-region": "eu"}, None), ({}, -32020), ({"Mcp-Param-region": "us"}, -32020)]
)
async def test_headers_that_mirror_arguments_go_on_to_the_member(
    ask: Asking, sent: dict[str, str], code: int | None
) -> None:
    body = mcp.body("tools/call", params_of("test_x_mcp_header", {"region": "eu"}, False))
    head = {"MCP-Protocol-Version": "2026-07-28", **sent}  # as every client of that era sends it over HTTP
    assert (await ask.raw(orjson.dumps(body), head)).error_code == code


async def test_call_tool_mirrors_the_arguments_itself(ask: Asking) -> None:
    told = await ask("tools/call", params_of("test_x_mcp_header", {"region": "eu"}, True))
    assert told["content"][0]["text"] == "region=eu"


async def test_arguments_through_call_tool_stay_as_they_were_spelled(ask: Asking) -> None:
    meta = orjson.dumps(mcp.META).decode()
    spelled = (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"_meta":{meta},"name":"call_tool",'
        f'"arguments":{{"arguments":{{ "region" : "e\\u0075"}},"name":"{ID}__test_x_mcp_header"}}}}}}'
    )
    told = orjson.loads((await ask.raw(spelled.encode())).body)
    assert told["result"]["content"][0]["text"] == "region=eu"
