"""An instance of the member `copied` in a process of its own, for tests that kill it.

`python -m tests.support.copied_worker URL INSTANCE FILE`: each execution of a tool writes the instance's name to FILE.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from mcp_types import ToolAnnotations

from bus import Bus, BusSettings
from members import Member


def member(instance: str, file: str) -> Member:
    copied = Member("copied", name="Copied", instance=instance, heartbeat_interval_s=0.2)

    def note() -> None:
        with Path(file).open("a", encoding="utf-8") as executions:
            executions.write(f"{instance}\n")

    @copied.tool
    async def where() -> str:
        """Say which instance this is."""
        return instance

    @copied.tool
    async def pay() -> str:
        """Do what must not be done twice, and take long over it."""
        note()
        await asyncio.sleep(60)
        return instance

    @copied.tool(annotations=ToolAnnotations(readOnlyHint=True))
    async def look(first: str) -> str:
        """Do what may be done twice; the instance `first` takes long over it."""
        note()
        if instance == first:
            await asyncio.sleep(60)
        return instance

    @copied.tool
    async def block() -> str:
        """Hold the whole process, so that not even `accepted` is said."""
        note()
        time.sleep(60)  # noqa: ASYNC251 - that is the point
        return instance

    return copied


async def main(url: str, instance: str, file: str) -> None:
    bus = await Bus.connect(BusSettings(nats_url=url), name=f"copied/{instance}")
    async with member(instance, file).serving(bus):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
