"""Streams of the federation: acknowledged first, told within a second, each change gathered into one notification."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus import BusSettings, Federation
from members import Member
from tests.flow.gateway.federation.conftest import telling
from tests.support.aggregate import Asking, aggregate_of
from tests.support.federation import manifest, running_member
from tests.support.nats import until

Heard = asyncio.Queue[dict[str, Any]]


async def next_of(heard: Heard) -> tuple[str, str | None]:
    """What is told within a second."""
    async with asyncio.timeout(1):
        told = await heard.get()
    assert told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"] == 1
    return told["method"].removeprefix("notifications/"), told["params"].get("uri")


async def test_many_members_at_once_are_few_notifications(ask: Asking, federation: Federation) -> None:
    async with ask.listening(toolsListChanged=True) as heard:
        tools = [{"name": "t", "inputSchema": {"type": "object"}}]
        await asyncio.gather(*(federation.register(manifest(f"m{n}", tools=tools)) for n in range(60)))
        await until(lambda: len(ask.aggregate.catalogue) == 62, within=2)
        assert await next_of(heard) == ("tools/list_changed", None)
        await asyncio.sleep(0.3)
        assert heard.qsize() <= 4


async def test_only_what_was_asked_for_is_told(ask: Asking, federation: Federation) -> None:
    async with (
        ask.listening(promptsListChanged=True) as prompts,
        ask.at(tag="first").listening(toolsListChanged=True) as scoped,
        ask.listening(toolsListChanged=True) as all_tools,
    ):
        await ask.call("beta__learn", {"word": "news"})
        assert await next_of(all_tools) == ("tools/list_changed", None)
        assert (prompts.qsize(), scoped.qsize()) == (0, 0)


async def test_prompts_and_resources_of_a_newcomer_are_announced(ask: Asking, settings: BusSettings) -> None:
    async with ask.listening(promptsListChanged=True, resourcesListChanged=True) as heard:
        async with running_member(telling("gamma"), settings):
            both = {await next_of(heard), await next_of(heard)}
            assert both == {("prompts/list_changed", None), ("resources/list_changed", None)}
            assert "gamma__greet" in [one["name"] for one in (await ask("prompts/list"))["prompts"]]
        both = {await next_of(heard), await next_of(heard)}
        assert both == {("prompts/list_changed", None), ("resources/list_changed", None)}
        assert "gamma__greet" not in [one["name"] for one in (await ask("prompts/list"))["prompts"]]


async def test_a_members_own_word_of_a_changed_list_is_followed(ask: Asking, two: tuple[Member, Member]) -> None:
    await ask("prompts/list")
    async with ask.listening(promptsListChanged=True) as heard:

        @two[0].mcp.prompt()
        async def farewell() -> str:
            return "bye"

        await ask.call("alpha__remember", {"name": "x"})
        assert await next_of(heard) == ("prompts/list_changed", None)
        assert "alpha__farewell" in [one["name"] for one in (await ask("prompts/list"))["prompts"]]


@pytest.mark.parametrize(
    ("uri", "changed", "other"),
    [
        ("omega://directory/servers", "gamma", None),
        ("omega://directory/servers/gamma", "gamma", "delta"),
        ("omega://directory/search?tag=custom", "gamma", None),
    ],
)
async def test_a_resource_of_the_directory_is_told_when_it_changes(
    ask: Asking, federation: Federation, uri: str, changed: str, other: str | None
) -> None:
    async with ask.listening(resourceSubscriptions=[uri]) as heard:
        if other is not None:
            await federation.register(manifest(other))
            await until(lambda: ask.aggregate.catalogue.get(other), within=2)
        await federation.register(manifest(changed))
        assert await next_of(heard) == ("resources/updated", uri)
        await federation.leave(changed)
        assert await next_of(heard) == ("resources/updated", uri)
        assert heard.empty()


async def test_a_search_that_a_change_does_not_touch_is_not_told(ask: Asking, federation: Federation) -> None:
    async with ask.listening(
        resourceSubscriptions=["omega://directory/search?tag=nothing", "omega://directory/servers"]
    ) as heard:
        await federation.register(manifest("gamma"))
        assert await next_of(heard) == ("resources/updated", "omega://directory/servers")
        assert heard.empty()


async def test_a_members_resource_is_told_when_it_changes(ask: Asking) -> None:
    uri = "omega://member/alpha/memory://ada"
    async with ask.listening(resourceSubscriptions=[uri]) as heard:

        async def told() -> bool:
            await ask.call("alpha__remember", {"name": "ada"})
            await ask.call("alpha__remember", {"name": "bob"})
            return not heard.empty()

        await until(told)
        assert await next_of(heard) == ("resources/updated", uri)


async def test_a_members_resource_is_told_again_after_the_member_came_back(ask: Asking, settings: BusSettings) -> None:
    uri = "omega://member/gamma/memory://ada"
    async with ask.listening(resourceSubscriptions=[uri]) as heard:
        async with running_member(telling("gamma"), settings):
            async with asyncio.timeout(5):
                assert (await heard.get())["params"]["uri"] == uri
        async with running_member(telling("gamma"), settings):
            async with asyncio.timeout(5):
                assert (await heard.get())["params"]["uri"] == uri


async def test_a_stream_that_ends_leaves_nothing_behind(two: object, settings: BusSettings) -> None:
    async with aggregate_of(settings) as ask:
        before = len(asyncio.all_tasks())
        for _ in range(5):
            async with ask.listening(toolsListChanged=True, resourceSubscriptions=["omega://member/alpha/a://b"]):
                assert len(ask.aggregate.hub) == 1
        assert len(ask.aggregate.hub) == 0
        await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_wish_that_is_none_is_refused(ask: Asking) -> None:
    for wish in ({}, {"notifications": []}, {"notifications": {"resourceSubscriptions": ["x://y"] * 300}}):
        assert (await ask.error("subscriptions/listen", wish))["code"] == -32602
