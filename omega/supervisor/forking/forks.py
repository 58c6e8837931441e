"""The supervisor's side: processes of ours forked where that can be, from scratch where not."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from omega.supervisor.forking.client import ForkServer, Stale
from omega.supervisor.starting import OURS, Birth, Start, Started, execute

BARREN_S = 60.0
"""How long none is tried after one that never forked anything."""


@asynccontextmanager
async def forking(environment: Mapping[str, str], log: Path) -> AsyncIterator[Start]:
    """A way to start processes, for the length of the block; when it ends, what was forked is killed.

    `environment` is the fork server's own; what goes wrong in it is written to `log`.
    """
    if sys.platform != "linux":
        yield execute
        return
    forks = Forks(environment, log)
    try:
        with contextlib.suppress(OSError):
            await forks.prepare()
        yield forks.start
    finally:
        await forks.close()


class Forks:
    """The fork servers of one supervisor: the one in use, and those before it that still have children."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._servers: list[ForkServer] = []
        self._changing = asyncio.Lock()
        self._barren_until = 0.0

    async def prepare(self) -> None:
        """Have a server ready for what will be asked. Raises OSError."""
        await self._server()

    async def start(self, birth: Birth) -> Started:
        """A process: forked if it is one of ours and that works, else from scratch. Raises OSError."""
        if tuple(birth.command[: len(OURS)]) != OURS:
            return await execute(birth)
        try:
            return await self._forked(birth)
        except OSError:
            return await execute(birth)

    async def close(self) -> None:
        """End every server, and what came of it."""
        for server in self._servers:
            await server.close()

    async def _forked(self, birth: Birth) -> Started:
        server = await self._server()
        try:
            return await server.fork(birth)
        except Stale:
            server.retire()
            return await (await self._server()).fork(birth)
        except OSError:
            server.retire()
            if not server.proven:
                self._barren_until = time.monotonic() + BARREN_S
            raise

    async def _server(self) -> ForkServer:
        """The one in use; a new one where there is none. Raises OSError."""
        async with self._changing:
            self._servers = [server for server in self._servers if not server.gone]
            if not self._servers or self._servers[-1].retired:
                if time.monotonic() < self._barren_until:
                    raise OSError("fork servers do not come up")
                self._servers.append(await ForkServer.begin(self._environment, self._log))
            return self._servers[-1]
