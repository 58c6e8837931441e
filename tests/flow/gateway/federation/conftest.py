"""Members whose tools, prompts and resources tell which member answered, and a federation endpoint before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp_types import ToolAnnotations

from bus import BusSettings
from directory import Directory
from members import Context, Member
from tests.support.aggregate import Asking, aggregate_of
from tests.support.federation import running_member


def telling(id: str, **more: Any) -> Member:
    """A member with one of everything."""
    member = Member(id, name=f"Name of {id}", tags=more.pop("tags", ["telling"]), heartbeat_interval_s=0.2, **more)

    @member.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def whoami(word: str = "") -> dict[str, str]:
        """Tell who answers."""
        return {"member": id, "word": word}

    @member.tool
    async def count(to: int, ctx: Context[Any, Any]) -> dict[str, int]:
        """Count, telling how far it is."""
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, "counting")
        return {"counted": to}

    @member.tool
    async def learn(word: str, ctx: Context[Any, Any]) -> str:
        """Grow another tool."""

        async def learned() -> str:
            return word

        member.tool(name=word)(learned)
        await ctx.notify_tools_changed()
        return word

    @member.tool
    async def remember(name: str, ctx: Context[Any, Any]) -> str:
        """Remember something, and tell who listens."""
        await ctx.notify_resource_updated(f"memory://{name}")
        await ctx.notify_prompts_changed()
        return name

    @member.mcp.resource("note://static")
    async def note() -> str:
        """A note."""
        return f"note of {id}"

    @member.mcp.resource("memory://{name}")
    async def memory(name: str) -> str:
        """What is remembered of a name."""
        return f"{id} about {name}"

    @member.mcp.prompt()
    async def greet(name: str) -> str:
        """A greeting."""
        return f"{id} greets {name}"

    return member


@pytest.fixture
async def two(directory: Directory, settings: BusSettings) -> AsyncIterator[tuple[Member, Member]]:
    """Two members alike but for their ids, at work."""
    first, second = telling("alpha", tags=["telling", "first"]), telling("beta", capabilities=["second"])
    async with running_member(first, settings), running_member(second, settings):
        yield first, second


@pytest.fixture
async def ask(two: tuple[Member, Member], settings: BusSettings) -> AsyncIterator[Asking]:
    """The federation of both."""
    async with aggregate_of(settings) as asking, asyncio.timeout(50):
        yield asking
