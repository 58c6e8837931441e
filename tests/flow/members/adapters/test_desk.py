"""A stdio server in front of a member, to clients of either era: questions are put, changes told, logs passed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitRequestParams, ElicitResult, InputRequiredResult

from bus import BusSettings, Federation
from members import Fanout, Member
from members.adapters.desk import DeskServer, of_member
from tests.support.federation import running_member
from tests.support.nats import until

pytestmark = [pytest.mark.timeout(60), pytest.mark.filterwarnings("default")]

MODES = ("auto", "legacy")
QUESTION = ElicitRequest(
    params=ElicitRequestFormParams(
        message="Who?", requested_schema={"type": "object", "properties": {"name": {"type": "string"}}}
    )
)


def curious(fanout: Fanout) -> MCPServer[Any]:
    server = MCPServer("curious", subscriptions=fanout, log_level="ERROR")

    @server.tool()
    async def greet(ctx: Context) -> str | InputRequiredResult:
        """Ask who is there."""
        answers = ctx.input_responses or {}
        if "who" not in answers:
            return InputRequiredResult(input_requests={"who": QUESTION}, request_state="s")
        answer = answers["who"]
        assert isinstance(answer, ElicitResult)
        return f"hello {(answer.content or {})['name']}"

    @server.tool()
    async def learn(ctx: Context) -> str:
        """Grow another tool."""
        server.add_tool(lambda: "x", name="learnt", description="Learnt.")
        await ctx.notify_tools_changed()
        return "done"

    return server


@asynccontextmanager
async def desk(federation: Federation, settings: BusSettings) -> AsyncIterator[DeskServer]:
    fanout = Fanout()
    member = Member("curious", server=curious(fanout))
    member.fanout = fanout
    async with running_member(member, settings):
        upstream = of_member(federation, "curious")
        keeping = asyncio.create_task(upstream.run())
        try:
            async with asyncio.timeout(10):
                await upstream.up.wait()
            assert upstream.greeting is not None
            server = DeskServer(upstream, upstream.greeting)
            upstream.on_change = server.changed
            yield server
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def answer(_: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    assert params.message == "Who?"
    return ElicitResult(action="accept", content={"name": "Ada"})


@pytest.mark.parametrize("mode", MODES)
async def test_a_members_question_reaches_the_client(mode: str, federation: Federation, settings: BusSettings) -> None:
    async with (
        desk(federation, settings) as server,
        Client(server, mode=mode, elicitation_callback=answer) as client,
    ):
        told = await client.call_tool("greet", {})
        assert told.content[0].text == "hello Ada"  # type: ignore[union-attr] # the tool answers with text


async def test_an_older_client_is_told_of_changes(federation: Federation, settings: BusSettings) -> None:
    heard: list[str] = []

    async def hear(message: Any) -> None:
        heard.append(getattr(message, "method", ""))

    async with desk(federation, settings) as server, Client(server, mode="legacy", message_handler=hear) as client:
        await client.call_tool("learn", {})
        await until(lambda: "notifications/tools/list_changed" in heard)
        assert "learnt" in {tool.name for tool in (await client.list_tools()).tools}


async def test_a_newer_client_listens_for_changes(federation: Federation, settings: BusSettings) -> None:
    async with (
        desk(federation, settings) as server,
        Client(server) as client,
        client.listen(tools_list_changed=True) as changes,
    ):
        await client.call_tool("learn", {})
        async with asyncio.timeout(10):
            await anext(aiter(changes))
