"""A federation with one member of ours and one server that joined, alike in their tools, behind one gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bus import Bus, BusSettings
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Context, Member
from members.adapters import Described, HttpTarget, Joined
from tests.support.federation import running_member
from tests.support.http_servers import http_server

MEMBERS = ("native", "joined")


@dataclass(frozen=True)
class Stage:
    """Where it is reached."""

    gateway: str
    nats: str

    def url(self, member: str) -> str:
        return f"{self.gateway}/servers/{member}/mcp"


def native() -> Member:
    """What the server that joins has, in a member of ours."""
    member, stopped = Member("native", heartbeat_interval_s=0.5, drain_s=0.2), [0]

    @member.tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @member.tool
    async def count(to: int, ctx: Context[Any, Any]) -> int:
        """Count, telling how far it is."""
        for number in range(1, to + 1):
            await ctx.report_progress(number, to)
        return to

    @member.tool
    async def wait(seconds: float, ctx: Context[Any, Any]) -> str:
        """Wait; tell when that was cut short."""
        await ctx.report_progress(0, 1)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            stopped[0] += 1
            raise
        return "done"

    @member.tool
    async def stops() -> int:
        """How often a wait was cut short."""
        return stopped[0]

    return member


@pytest.fixture
async def stage(directory: Directory, settings: BusSettings, bus: Bus) -> AsyncIterator[Stage]:
    """All of it, at work."""
    own = await Bus.connect(settings, name="gateway")
    gateway = Gateway(own, GatewaySettings(port=0, doors={}, drain_s=1))
    with http_server("modern") as server:
        joined = Joined(Described("joined"), HttpTarget(server.url))
        joining = asyncio.create_task(joined.run(bus))
        async with running_member(native(), settings):
            await gateway.start()
            async with asyncio.timeout(30):
                await joined.present.wait()
            yield Stage(gateway.url, settings.nats_url)
            await gateway.stop()
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
    await own.close()
