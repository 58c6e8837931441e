"""Servers behind a URL, of either era, are members: one session each, lost and found again."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from bus import CallOptions, Federation
from bus.errors import FederationError, NoInstance
from members.adapters import HttpTarget
from tests.flow.members.adapters.conftest import Joining
from tests.support import mcp
from tests.support.http_servers import http_server
from tests.support.nats import until

pytestmark = pytest.mark.timeout(180)

ADD = {"modern": "add", "legacy": "get-sum"}


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_server_behind_a_url_is_listed_called_refuses_dies_and_recovers(
    era: str, federation: Federation, join: Joining
) -> None:
    with http_server(era) as server:
        async with join("remote", HttpTarget(server.url)) as joined:
            assert joined.upstream.greeting is not None
            assert joined.upstream.greeting.modern is (era == "modern")
            shown = await federation.server("remote")
            assert ADD[era] in {tool["name"] for tool in shown["tools"]}
            added = mcp.call("remote", ADD[era], {"a": 2, "b": 3})
            assert "5" in mcp.result(await federation.mcp(added))["content"][0]["text"]
            with pytest.raises(FederationError):
                await federation.call("remote", ADD[era], {"a": "x"})

            server.kill()
            async with asyncio.timeout(20):
                await joined.upstream.down.wait()
            with pytest.raises(NoInstance, match="away"):
                await federation.call("remote", ADD[era], {"a": 2, "b": 3})
            server.start()
            async with asyncio.timeout(30):
                await joined.upstream.up.wait()
            assert "5" in mcp.result(await federation.mcp(added))["content"][0]["text"]


async def test_a_session_that_the_server_forgot_is_opened_again_unseen(federation: Federation, join: Joining) -> None:
    with http_server("legacy") as server:
        async with join("remote", HttpTarget(server.url)) as joined:
            session = joined.upstream._session
            assert session is not None
            session.link.session = "forgotten"  # type: ignore[attr-defined] # an HTTP link has one
            added = mcp.call("remote", "get-sum", {"a": 2, "b": 3})
            assert "5" in mcp.result(await federation.mcp(added))["content"][0]["text"]


@pytest.mark.parametrize(("era", "tool", "arguments"), [
    ("modern", "count", {"to": 3}), ("legacy", "trigger-long-running-operation", {"duration": 0.3, "steps": 3}),
])  # fmt: skip
async def test_progress_passes(
    era: str, tool: str, arguments: dict[str, Any], federation: Federation, join: Joining
) -> None:
    heard: list[dict[str, Any]] = []
    options = CallOptions(on_event=lambda event: heard.append(orjson.loads(event)))
    with http_server(era) as server:
        async with join("remote", HttpTarget(server.url)):
            call = mcp.call("remote", tool, arguments, meta={"progressToken": "p"})
            mcp.result(await federation.mcp(call, options))
    told = [event["params"] for event in heard if event["method"] == "notifications/progress"]
    assert [one["progress"] for one in told] == [1, 2, 3]
    assert {one["progressToken"] for one in told} == {"p"}


async def test_a_cancelled_call_stops_the_tool(federation: Federation, join: Joining) -> None:
    begun = asyncio.Event()
    with http_server("modern") as server:
        async with join("remote", HttpTarget(server.url)):
            waiting = mcp.call("remote", "wait", {"seconds": 100}, meta={"progressToken": "p"})
            options = CallOptions(on_event=lambda _: begun.set(), timeout=90)
            calling = asyncio.create_task(federation.mcp(waiting, options))
            async with asyncio.timeout(10):
                await begun.wait()
            calling.cancel()

            async def stopped() -> bool:
                return bool((await federation.call("remote", "was_stopped"))["result"])

            await until(stopped, within=10)


async def test_a_changed_list_is_announced_within_a_second(federation: Federation, join: Joining) -> None:
    with http_server("modern") as server:
        async with join("remote", HttpTarget(server.url)):
            await federation.call("remote", "learn", {"word": "newest"})

            async def known() -> bool:
                return "newest" in {tool["name"] for tool in (await federation.server("remote"))["tools"]}

            await until(known, within=2)


async def test_a_large_result_passes(federation: Federation, join: Joining) -> None:
    with http_server("modern") as server:
        async with join("remote", HttpTarget(server.url)):
            told = mcp.result(await federation.mcp(mcp.call("remote", "much", {"bytes": 5 << 20})))
            assert len(told["structuredContent"]["result"]) == 5 << 20


async def test_one_dead_server_harms_no_other(federation: Federation, join: Joining) -> None:
    with http_server("modern") as well, http_server("modern") as ill:
        async with join("well", HttpTarget(well.url)), join("ill", HttpTarget(ill.url)):
            ill.kill()
            calls = [federation.call("well", "add", {"a": n, "b": 1}, CallOptions(timeout=5)) for n in range(20)]
            assert [answer["result"] for answer in await asyncio.gather(*calls)] == list(range(1, 21))
            listed = await federation.search(status="any")
            assert {"well", "ill"} <= {manifest["id"] for manifest in listed}
