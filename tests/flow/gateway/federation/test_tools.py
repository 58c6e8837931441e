"""The federation's tools: listed from the catalogue, called at the member they name."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from bus import BusSettings, Federation
from bus.errors import NoInstance
from members import Member
from tests.flow.gateway.federation.conftest import telling
from tests.support import mcp
from tests.support.aggregate import Asking, aggregate_of
from tests.support.federation import manifest, running_member
from tests.support.nats import until


async def test_every_tool_of_every_member_is_listed_in_a_stable_order(ask: Asking) -> None:
    names = ["whoami", "count", "learn", "remember"]
    assert await ask.tools() == [f"alpha__{name}" for name in names] + [f"beta__{name}" for name in names]


async def test_a_listed_tool_says_whose_it_is_and_is_otherwise_the_members_own(
    ask: Asking, federation: Federation
) -> None:
    listed = (await ask("tools/list"))["tools"][0]
    own = mcp.result(await federation.mcp(mcp.request("alpha", "tools/list")))["tools"][0]
    assert listed["description"] == "[Name of alpha] Tell who answers."
    assert listed["annotations"] == {"readOnlyHint": True}
    assert {**listed, "name": 0, "description": 0} == {**own, "name": 0, "description": 0}


async def test_a_list_says_how_long_it_holds(ask: Asking) -> None:
    told = await ask("tools/list")
    assert (told["ttlMs"], told["cacheScope"]) == (1000, "private")
    assert told["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "omega-federation"


async def test_pages_hold_every_tool_once(two: tuple[Member, Member], settings: BusSettings) -> None:
    async with aggregate_of(settings, mcp_page_size=3) as ask:
        assert len((await ask("tools/list"))["tools"]) == 3
        assert len(set(await ask.tools())) == len(await ask.tools()) == 8


async def test_a_bad_cursor_is_refused(ask: Asking) -> None:
    for cursor in ("nonsense", 7, "W10"):
        assert (await ask.error("tools/list", {"cursor": cursor}))["code"] == -32602


async def test_a_call_reaches_the_member_its_name_says(ask: Asking) -> None:
    for member in ("alpha", "beta"):
        told = await ask.call(f"{member}__whoami", {"word": "x"})
        assert told["structuredContent"] == {"member": member, "word": "x"}


async def test_progress_passes_through(ask: Asking) -> None:
    heard: list[dict[str, Any]] = []
    await ask.answer(
        "tools/call",
        {"name": "beta__count", "arguments": {"to": 2}},
        lambda event: heard.append(orjson.loads(event)),
        progressToken="p",
    )
    assert [event["params"]["progressToken"] for event in heard] == ["p", "p"]


async def test_an_unknown_tool_is_refused_with_what_it_may_have_meant(ask: Asking) -> None:
    told = await ask.error("tools/call", {"name": "beta__whoam", "arguments": {}})
    assert told["code"] == -32602
    assert "did you mean beta__whoami" in told["message"]
    assert told["data"]["details"]["did_you_mean"][0] == "beta__whoami"


async def test_a_tool_of_a_member_that_left_may_be_tried_again(
    ask: Asking, federation: Federation, settings: BusSettings
) -> None:
    async with running_member(telling("gamma"), settings):
        await until(lambda: ask.aggregate.catalogue.get("gamma"), within=2)
        assert (await ask.call("gamma__whoami"))["structuredContent"]["member"] == "gamma"
    await until(lambda: ask.aggregate.catalogue.get("gamma") is None, within=2)
    with pytest.raises(NoInstance) as refused:
        await ask.call("gamma__whoami")
    assert (refused.value.retryable, refused.value.jsonrpc_code) == (True, -32603)
    assert refused.value.details == {"member": "gamma"}


async def test_a_tool_not_heard_of_yet_is_looked_for_before_it_is_refused(ask: Asking, settings: BusSettings) -> None:
    async with running_member(telling("late"), settings):
        assert (await ask.call("late__whoami"))["structuredContent"]["member"] == "late"


async def test_everything_but_the_name_travels_as_the_client_spelled_it(ask: Asking) -> None:
    meta = orjson.dumps(mcp.META).decode()
    spelled = (
        f'{{ "jsonrpc":"2.0", "params":{{"_meta":{meta}, "arguments":{{"word":"\\u00e9 12345678901234567890123"}},'
        '"name" : "alpha__whoami"}, "method":"tools/call","id":"n"}'
    )
    told = orjson.loads((await ask.raw(spelled.encode())).body)
    assert told["id"] == "n"
    assert told["result"]["structuredContent"]["word"] == "é 12345678901234567890123"


async def test_one_malformed_tool_costs_only_itself(ask: Asking, federation: Federation) -> None:
    tools = [{"name": "bad", "inputSchema": {"type": "string"}}, {"name": "odd name", "description": "Fine"}]
    await federation.register(manifest("hand_written", tools=[*tools, {"name": "worse", "annotations": "all"}]))
    await until(lambda: ask.aggregate.catalogue.get("hand_written"), within=2)
    found = [name for name in await ask.tools() if name.startswith("hand_written")]
    assert len(found) == 1 and found[0].startswith("hand_written__odd_name__"), found


async def test_a_scope_shows_and_calls_its_part_only(ask: Asking) -> None:
    assert {name.partition("__")[0] for name in await ask.at(tag="first").tools()} == {"alpha"}
    assert {name.partition("__")[0] for name in await ask.at(capability="second").tools()} == {"beta"}
    assert {name.partition("__")[0] for name in await ask.at(server="beta", tag="telling").tools()} == {"beta"}
    assert await ask.at(tag="nobody").tools() == []
    assert (await ask.at(server="beta").error("tools/call", {"name": "alpha__whoami"}))["code"] == -32602


async def test_a_learned_tool_is_announced_and_listed_within_a_second(ask: Asking) -> None:
    async with ask.listening(toolsListChanged=True) as heard:
        began = asyncio.get_running_loop().time()
        await ask.call("alpha__learn", {"word": "fresh"})
        async with asyncio.timeout(1):
            assert (await heard.get())["method"] == "notifications/tools/list_changed"
        assert "alpha__fresh" in await ask.tools()
        assert asyncio.get_running_loop().time() - began < 1


async def test_an_unknown_method_is_not_found(ask: Asking) -> None:
    assert (await ask.error("no/such"))["code"] == -32601
