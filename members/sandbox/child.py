"""One program in a process group of its own, gone with everything it started when the block ends."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from members.sandbox.limits import Limits, restrained

FAREWELL_S = 10

log = structlog.get_logger(__name__)


async def start(argv: Sequence[str], *, limits: Limits, env: Mapping[str, str], talks: bool = False) -> Process:
    """Start under limits and with no other environment. `talks` keeps a pipe to its stdin and drops its stderr.

    Cancelled half-way, it is seen through and ended: asyncio would leave pipes of a half-made process open."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *restrained(argv, limits),
            stdin=PIPE if talks else DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL if talks else PIPE,
            env=loader_paths(os.environ) | dict(env),
            cwd="/",
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await end(await starting)
        raise


def loader_paths(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the system looks for the libraries of this very interpreter, if it was told: the launcher needs them."""
    return {name: environment[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in environment}


async def end(process: Process) -> None:
    """Kill the whole group at once and see it off, also when cancelled. No other task may be reading its pipes."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    farewell = asyncio.ensure_future(see_off(process))
    try:
        await asyncio.shield(farewell)
    except asyncio.CancelledError:
        await farewell
        raise


async def see_off(process: Process) -> None:
    """Empty the pipes of a dead process until they close: asyncio never sees a full one close."""
    try:
        async with asyncio.timeout(FAREWELL_S):
            await process.communicate()
    except TimeoutError:
        log.error("child left a pipe open", pid=process.pid)


@asynccontextmanager
async def child(argv: Sequence[str], *, limits: Limits, env: Mapping[str, str]) -> AsyncIterator[Process]:
    """A running program with pipes at stdout and stderr; at the end of the block no process of its group is left."""
    process = await start(argv, limits=limits, env=env)
    try:
        yield process
    finally:
        await end(process)
