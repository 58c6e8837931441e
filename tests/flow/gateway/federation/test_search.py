"""A federation too long to list is searched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest

from bus import BusSettings
from directory import Directory
from members import Member
from tests.support.aggregate import Asking, aggregate_of
from tests.support.federation import running_member

DISCOVERY = ["search_tools", "describe_tool", "call_tool", "list_servers"]


def studio() -> Member:
    member = Member(
        "studio", name="Picture Studio", tags=["image"], capabilities=["pictures"], heartbeat_interval_s=0.2
    )

    @member.tool
    async def resize_image(width: int, height: int) -> str:
        """Change the size of a picture."""
        return f"{width}x{height}"

    @member.tool
    async def rotate(angle: float) -> float:
        """Turn a picture."""
        return angle

    return member


def ledger() -> Member:
    member = Member("ledger", name="Ledger", description="Accounting", tags=["money"], heartbeat_interval_s=0.2)

    @member.tool
    async def convert_currency(amount: float, to: str) -> dict[str, Any]:
        """Convert an amount of money into another currency."""
        return {"amount": amount, "to": to}

    @member.tool
    async def post_invoice(number: int) -> int:
        """Book an invoice."""
        return number

    return member


@pytest.fixture
async def ask(directory: Directory, settings: BusSettings) -> AsyncIterator[Asking]:
    async with (
        running_member(studio(), settings),
        running_member(ledger(), settings),
        aggregate_of(settings, mcp_tools_listed=3) as asking,
    ):
        yield asking


async def test_a_long_list_gives_way_to_the_discovery_tools(ask: Asking) -> None:
    assert await ask.tools() == DISCOVERY
    assert len(await ask.at(tools="all").tools()) == 4


async def test_a_short_list_is_shown_and_searched_only_on_request(ask: Asking) -> None:
    assert await ask.at(tag="image").tools() == ["studio__resize_image", "studio__rotate"]
    assert await ask.at(tag="image", tools="search").tools() == DISCOVERY


async def test_discovery_tools_are_typed_and_keep_their_word(ask: Asking) -> None:
    tools = {tool["name"]: tool for tool in (await ask("tools/list"))["tools"]}
    hints = {name: tool["annotations"]["readOnlyHint"] for name, tool in tools.items()}
    assert hints == {name: name != "call_tool" for name in DISCOVERY}
    calls = {
        "search_tools": {"query": "resize"},
        "describe_tool": {"name": "studio__rotate"},
        "list_servers": {},
    }
    for name, arguments in calls.items():
        jsonschema.validate(arguments, tools[name]["inputSchema"])
        told = await ask.call(name, arguments)
        jsonschema.validate(told["structuredContent"], tools[name]["outputSchema"])


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("resize an image", "studio__resize_image"),
        ("resise imags", "studio__resize_image"),
        ("turn a picture", "studio__rotate"),
        ("convert money", "ledger__convert_currency"),
        ("currencies", "ledger__convert_currency"),
        ("invoices", "ledger__post_invoice"),
        ("height", "studio__resize_image"),
    ],
)
async def test_the_right_tool_is_found(ask: Asking, query: str, best: str) -> None:
    found = (await ask.call("search_tools", {"query": query}))["structuredContent"]
    assert (found["tools"][0]["name"], found["of"]) == (best, 4)


async def test_a_search_holds_to_tags_capabilities_limit_and_scope(ask: Asking) -> None:
    async def owners(asking: Asking, **more: Any) -> set[str]:
        found = await asking.call("search_tools", {"query": "picture money", **more})
        return {tool["server"] for tool in found["structuredContent"]["tools"]}

    assert await owners(ask) == {"studio", "ledger"}
    assert await owners(ask, tag="image") == await owners(ask, capability=["pictures"]) == {"studio"}
    assert await owners(ask.at(tag="money")) == {"ledger"}
    one = await ask.call("search_tools", {"query": "picture", "limit": 1})
    assert len(one["structuredContent"]["tools"]) == 1


async def test_a_tool_is_found_while_no_directory_answers(ask: Asking, directory: Directory) -> None:
    await ask.tools()
    await directory.stop()
    found = await ask.call("search_tools", {"query": "resize"})
    assert found["structuredContent"]["tools"][0]["name"] == "studio__resize_image"


async def test_a_described_tool_is_the_listed_one(ask: Asking) -> None:
    told = (await ask.call("describe_tool", {"name": "studio__rotate"}))["structuredContent"]
    listed = [tool for tool in await ask.at(tools="all").all("tools/list", "tools") if tool["name"] == "studio__rotate"]
    assert (told["server"], told["tool"]) == ("studio", listed[0])


async def test_call_tool_gives_the_called_tools_own_result(ask: Asking) -> None:
    arguments = {"amount": 2.5, "to": "EUR"}
    through = await ask.call("call_tool", {"name": "ledger__convert_currency", "arguments": arguments})
    assert through == await ask.call("ledger__convert_currency", arguments)


async def test_call_tool_fails_as_the_called_tool_would(ask: Asking) -> None:
    wrong = "ledger__convert_curency"
    through = await ask.error("tools/call", {"name": "call_tool", "arguments": {"name": wrong}})
    assert through == await ask.error("tools/call", {"name": wrong, "arguments": {}})
    assert (through["code"], "ledger__convert_currency" in through["message"]) == (-32602, True)


async def test_what_a_model_got_wrong_comes_back_in_words(ask: Asking) -> None:
    for name, arguments in (
        ("search_tools", {}),
        ("search_tools", {"query": "x", "limit": 0}),
        ("search_tools", {"query": "x", "tags": "image"}),
        ("describe_tool", {"name": "studio__rotat"}),
    ):
        told = await ask.call(name, arguments)
        assert told["isError"] is True
        assert told["content"][0]["text"]
    assert "studio__rotate" in told["content"][0]["text"]


async def test_servers_are_listed_in_pages(ask: Asking) -> None:
    told = (await ask.call("list_servers", {"limit": 1}))["structuredContent"]
    assert ([server["id"] for server in told["servers"]], told["total"], told["next_page"]) == (["ledger"], 2, 2)
    told = (await ask.call("list_servers", {"tag": "image"}))["structuredContent"]
    assert [(server["id"], server["tools"]) for server in told["servers"]] == [("studio", 2)]
