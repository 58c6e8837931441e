"""The life every process of ours has in common: a connection, a readiness word, a stop signal."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import uvloop

from bus import Bus, BusSettings
from bus.logs import LEVELS, configure_logs
from bus.trust.rights import Identity
from omega.handshake import READY_FD
from omega.trouble import WrongUse

GC_THRESHOLDS = (20_000, 20, 50)
"""A full page of manifests is some ten thousand objects: at the usual 700 it would be looked at over and over."""


class Part(Protocol):
    """A station that is started once and stopped once."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def serve(work: Coroutine[Any, Any, None]) -> None:
    """Do the whole work of a process that serves, on an event loop that costs a third less a call than asyncio's."""
    uvloop.run(work)


def set_up_logs(environment: Mapping[str, str], *, level: str = "info") -> None:
    """Logs as `OMEGA_LOG_LEVEL` and `OMEGA_LOG_FORMAT` (`json` or `text`) say; JSON unless a person looks on.

    Raises WrongUse.
    """
    form = environment.get("OMEGA_LOG_FORMAT") or ("text" if sys.stderr.isatty() else "json")
    if form not in ("json", "text"):
        raise WrongUse(f"OMEGA_LOG_FORMAT {form!r}: json or text")
    level = environment.get("OMEGA_LOG_LEVEL", level).lower()
    if level not in LEVELS:
        raise WrongUse(f"OMEGA_LOG_LEVEL {level!r}: one of {', '.join(LEVELS)}")
    configure_logs(level, json=form == "json")


def stop_signal() -> asyncio.Event:
    """Set on SIGTERM or SIGINT; from then on those do nothing else."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def announce_ready() -> None:
    """The process serves: what it holds now it keeps, and the garbage collector need not look at it again.

    A supervisor that asked to be told is told (`OMEGA_READY_FD` holds the descriptor to write to).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    if number := os.environ.pop(READY_FD, ""):
        os.write(int(number), b"ready\n")
        os.close(int(number))


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage is looked for: what a start builds is kept, and looking through it costs as much as building it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@asynccontextmanager
async def connected(settings: BusSettings, name: str, identity: Identity | None = None) -> AsyncIterator[Bus]:
    """An open bus for the length of the block; `identity` as for `Bus.connect`. Raises Disconnected, BadCredentials."""
    bus = await Bus.connect(settings, name=name, identity=identity)
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def working(part: Part) -> AsyncIterator[None]:
    """`part` started for the length of the block."""
    with collector_paused():
        await part.start()
    try:
        yield
    finally:
        await part.stop()
