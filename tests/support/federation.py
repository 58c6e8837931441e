"""A small federation inside a test: directories and members in the test's own loop, NATS real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bus import Bus, BusSettings
from directory import Directory, DirectorySettings
from members import Context, Member

QUICK = DirectorySettings(sweep_interval_s=0.05, probe_timeout_s=0.2, gap_check_s=0.2)
"""The documented rules with quick eyes: what takes seconds in a test is the lease, not the looking."""


@asynccontextmanager
async def running_directory(settings: BusSettings, rules: DirectorySettings = QUICK) -> AsyncIterator[Directory]:
    """One directory replica on a connection of its own."""
    bus = await Bus.connect(settings, name="directory")
    directory = Directory(bus, rules)
    await directory.start()
    try:
        yield directory
    finally:
        await directory.stop()
        await bus.close()


@asynccontextmanager
async def running_member(member: Member, settings: BusSettings) -> AsyncIterator[Member]:
    """One member on a connection of its own."""
    bus = await Bus.connect(settings, name=member.id)
    try:
        async with member.serving(bus):
            yield member
    finally:
        await bus.close()


def manifest(id: str = "my_service", **more: Any) -> dict[str, Any]:
    """A manifest as somebody writes it by hand."""
    return {
        "id": id,
        "name": "My Service",
        "description": "Does a thing",
        "version": "1.0.0",
        "capabilities": ["custom_capability"],
        "tags": ["custom", "service"],
        **more,
    }


def calculator(id: str = "calculator", **more: Any) -> Member:
    """A member with tools that return, refuse, crash, wait and report."""
    member = Member(id, name="Calculator", description="Adds", tags=["math"], heartbeat_interval_s=0.2, **more)

    @member.tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @member.tool
    def add_in_a_thread(a: int, b: int) -> int:
        """Add two numbers, slowly."""
        return a + b

    @member.tool
    async def crash() -> str:
        """Fail without a word."""
        raise RuntimeError("a secret")

    @member.tool
    async def count(to: int, ctx: Context[Any, Any]) -> dict[str, int]:
        """Count, telling how far it is."""
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, "counting")
        return {"counted": to}

    return member
