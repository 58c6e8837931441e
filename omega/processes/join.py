"""The process that joins servers: any number of them, each as if it were alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog

from bus import Bus, BusSettings
from bus.errors import FederationError
from bus.trust.rights import Identity, Role
from members.adapters import Joined, Unusable
from omega.processes.life import announce_ready, connected, stop_signal
from omega.trouble import Trouble
from omega.waiting import first_of

AGAIN_S = 15.0

log = structlog.get_logger(__name__)


async def serve_joined(joined: Sequence[Joined], settings: BusSettings) -> None:
    """Serve until SIGTERM or SIGINT, then leave and end every child.

    A server alone that can never be joined (no such program, a manifest the directory refuses) ends it: raises Trouble.
    Among several it is only told in the log, and tried again. Raises Disconnected (no NATS at the start).
    """
    stop = stop_signal()
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(_connected(settings, one.id)) for one in joined]
        alone = len(joined) == 1
        tasks = [asyncio.create_task(_serve(one, bus, alone=alone)) for one, bus in zip(joined, buses, strict=True)]
        ready = asyncio.create_task(_all_tried(joined))
        try:
            await first_of(stop.wait(), *([_ended(tasks[0])] if len(tasks) == 1 else []))
        finally:
            for task in (*tasks, ready):
                task.cancel()
            ends = await asyncio.gather(*tasks, ready, return_exceptions=True)
        for end in ends:
            if isinstance(end, Trouble):
                raise end


def _connected(settings: BusSettings, member: str) -> AbstractAsyncContextManager[Bus]:
    """A connection of its own for each: what it may do hangs on the member's id."""
    return connected(settings, f"omega:join/{member}", Identity(Role.READING_MEMBER, member))


async def _all_tried(joined: Sequence[Joined]) -> None:
    for one in joined:
        await one.tried.wait()
    announce_ready()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})


async def _serve(joined: Joined, bus: Bus, *, alone: bool) -> None:
    """One server, kept apart from the others: nothing it does ends their tasks."""
    while True:
        try:
            await joined.run(bus)
        except* (Unusable, FederationError) as group:
            problem = str(_first(group))
        except* Exception:
            log.exception("join_failed", member=joined.id)
            problem = "an internal error; its details are in the log"
        if alone:
            raise Trouble(problem)
        log.error("cannot_join", member=joined.id, reason=problem, again_in_s=AGAIN_S)
        await asyncio.sleep(AGAIN_S)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner
