"""What `endpoints.health` of a member says, asked now and then with a GET that changes nothing.

Only a server that says itself that it cannot serve (5xx, twice in a row) is taken at its word. One without such an
endpoint (404, 405, no connection) is judged by its MCP endpoint alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from members.guard import BrokenOff, Fetcher, Forbidden, Unreachable

PATIENCE_S = 5.0
ILL_AFTER = 2

log = structlog.get_logger(__name__)


class HealthWatch:
    """Watches one URL; without one, all is well."""

    def __init__(self, member: str, url: str | None, fetcher: Fetcher, every_s: float) -> None:
        self.well = asyncio.Event()
        self.well.set()
        self.ill = asyncio.Event()
        self._member = member
        self._url = url
        self._fetcher = fetcher
        self._every_s = every_s
        self._bad = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch for the length of the block."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._fetcher.close()

    async def _watch(self) -> None:
        while self._url is not None:
            self._take(serves(await self._ask(self._url)))
            await asyncio.sleep(self._every_s * (0.9 + 0.2 * random.random()))

    async def _ask(self, url: str) -> int | None:
        """The status; None: no answer."""
        try:
            async with (
                asyncio.timeout(PATIENCE_S),
                self._fetcher.open("GET", url, headers={"Accept": "application/json"}, patience=PATIENCE_S) as answer,
            ):
                return answer.status
        except (Unreachable, BrokenOff, Forbidden, TimeoutError) as exc:
            log.debug("health_not_known", member=self._member, reason=str(exc))
            return None

    def _take(self, serving: bool) -> None:
        self._bad = 0 if serving else self._bad + 1
        if self._bad == 0 and not self.well.is_set():
            log.info("well_again", member=self._member)
            self.ill.clear()
            self.well.set()
        elif self._bad == ILL_AFTER:
            log.warning("says_it_is_ill", member=self._member)
            self.well.clear()
            self.ill.set()


def serves(status: int | None) -> bool:
    """Whether a member may be called as far as its health endpoint tells; no answer and "no such page" tell nothing."""
    return status is None or status < 500 or status in (501, 505)
