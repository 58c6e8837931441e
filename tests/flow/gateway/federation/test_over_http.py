"""The federation at `POST /mcp`, as clients that are not ours meet it."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from mcp import Client

from gateway import Gateway
from members import Member
from tests.support.nats import until


@pytest.fixture
async def url(two: tuple[Member, Member], gateway: Gateway) -> str:
    return f"{gateway.url}/mcp"


@pytest.mark.parametrize("mode", ["auto", "2026-07-28", "legacy"])
async def test_the_official_client_lists_and_calls(url: str, mode: Any) -> None:
    async with Client(url, mode=mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert {"alpha__whoami", "beta__whoami"} <= set(tools)
        told = await client.call_tool("beta__whoami", {"word": "x"})
        assert told.structured_content == {"member": "beta", "word": "x"}
        prompts = await client.list_prompts()
        assert [prompt.name for prompt in prompts.prompts] == ["alpha__greet", "beta__greet"]
        read = await client.read_resource("omega://member/alpha/memory://ada")
        assert read.contents[0].uri == "omega://member/alpha/memory://ada"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_hears_progress(url: str, mode: Any) -> None:
    heard: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with Client(url, mode=mode) as client:
        await client.call_tool("alpha__count", {"to": 3}, progress_callback=note)
    assert heard == [1, 2, 3]


async def test_the_query_string_scopes_the_endpoint(url: str) -> None:
    async with Client(f"{url}?server=beta&tools=search") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} >= {"search_tools", "call_tool"}
        found = await client.call_tool("search_tools", {"query": "who am i"})
        assert found.structured_content is not None
        assert {tool["server"] for tool in found.structured_content["tools"]} == {"beta"}


async def test_an_unknown_parameter_is_refused(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{url}?tags=code", json={"jsonrpc": "2.0", "id": 1, "method": "initialize"}) as answer:
        told = await answer.json()
    assert (answer.status, told["error"]["code"]) == (400, -32602)
    assert "tags: unknown parameter" in told["error"]["message"]


async def test_an_endpoint_stops_with_its_gateway_in_time(url: str, gateway: Gateway) -> None:
    async with Client(url) as client:
        await client.list_tools()
    await gateway.stop()
    await until(lambda: gateway.mcp.census.streams == 0)
