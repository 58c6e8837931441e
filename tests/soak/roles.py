"""The processes of a soak: `python -m tests.soak.roles ROLE URL CENSUS [COUNT OFFSET]`.

Each writes a line to the file CENSUS every `EVERY_S` seconds: what it holds at that moment.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import structlog
import uvloop

from bus import Bus, BusSettings
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Member

EVERY_S = 10.0
CHURN_S = 5.0
"""Each process of members lets one leave and another come so often."""


async def take_census(file: Path) -> None:
    """Write down what this process holds, until cancelled."""
    process = psutil.Process()
    with file.open("a", encoding="utf-8") as lines:
        while True:
            gc.collect()
            held = {"rss": process.memory_info().rss, "fds": process.num_fds(), "tasks": len(asyncio.all_tasks())}
            lines.write(json.dumps({"at": time.time(), **held}) + "\n")
            lines.flush()
            await asyncio.sleep(EVERY_S)


async def directory(url: str) -> None:
    """One replica."""
    bus = await Bus.connect(BusSettings(nats_url=url), name="directory")
    await Directory(bus).start()
    await _for_ever()


async def gateway(url: str) -> None:
    """One gateway."""
    bus = await Bus.connect(BusSettings(nats_url=url), name="gateway")
    served = Gateway(bus, GatewaySettings(port=0, doors={}))
    await served.start()
    _say(f"port {served.url.rpartition(':')[2]}")
    await _for_ever()


async def members(url: str, count: str, offset: str) -> None:
    """So many members, each with a connection of its own; now and then one leaves and comes back as another life."""
    numbers = range(int(offset), int(offset) + int(count))
    async with AsyncExitStack() as stack:
        lives = {number: await _join(url, number) for number in numbers}
        stack.push_async_callback(_end_all, lives)
        _say("ready")
        while True:
            await asyncio.sleep(CHURN_S)
            number = random.choice(numbers)
            await lives.pop(number).aclose()
            lives[number] = await _join(url, number)


async def _join(url: str, number: int) -> AsyncExitStack:
    """A member that serves until what is returned is closed."""
    stack = AsyncExitStack()
    bus = await Bus.connect(BusSettings(nats_url=url), name=f"member/{number}")
    stack.push_async_callback(bus.close)
    await stack.enter_async_context(_member(number).serving(bus))
    return stack


async def _end_all(lives: dict[int, AsyncExitStack]) -> None:
    await asyncio.gather(*(life.aclose() for life in lives.values()))


def _member(number: int) -> Member:
    member = Member(f"soaked_{number}", name=f"Soaked {number}", tags=["soak", f"group{number % 20}"])

    @member.tool
    async def echo(text: str) -> dict[str, str]:
        """Say it again."""
        return {"text": text}

    return member


async def _for_ever() -> None:
    _say("ready")
    await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


ROLES: dict[str, Callable[..., Awaitable[None]]] = {"directory": directory, "gateway": gateway, "members": members}


async def main(role: str, url: str, file: str, *arguments: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    counting = asyncio.create_task(take_census(Path(file)))
    try:
        await ROLES[role](url, *arguments)
    finally:
        counting.cancel()


if __name__ == "__main__":
    os.setpgrp()
    uvloop.run(main(*sys.argv[1:]))
