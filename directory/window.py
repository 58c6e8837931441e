"""The directory of a hub: it reads the registries of all sites, and answers questions about their members.

Nothing is written here, and nobody registers here: each site has directories of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine, Iterable
from itertools import count
from typing import Any

import structlog

from bus import Bus
from bus.errors import FederationError
from bus.kv import Bucket
from bus.micro import MicroResponder, MicroService
from bus.streams import prepare
from bus.subjects import Instance
from directory.answers import Answers
from directory.clock import steady_clock
from directory.discovery import Discovery
from directory.index import Index
from directory.replica import VERSION
from directory.settings import DirectorySettings
from directory.sites import Sites
from directory.text import TextIndex
from directory.watch import Watch

READ_TIMEOUT_S = 2.0
"""A read across a link that takes longer counts as one that failed."""

log = structlog.get_logger(__name__)


class Window:
    """A directory that only looks. Used as a `Directory`: `start`, `ready`, `broken`, `stop`."""

    def __init__(self, bus: Bus, settings: DirectorySettings) -> None:
        self._bus = bus
        self._settings = settings
        self.id = secrets.token_hex(4)
        self.sites = Sites(settings.sites)
        self.index = Index(TextIndex(), steady_clock())
        self._revisions = count(1)
        self._started = time.monotonic()
        answers = Answers(self.index.registry, self.index.view, self.index.text, facts=self._figures)
        self.discovery = Discovery(bus, self.index, answers)
        self._micro = MicroResponder(bus, self._service())
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Set once every site was read, or found to be away."""
        self.broken: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """Done when a station failed."""

    async def start(self) -> None:
        """Read the sites and answer. Returns when this window serves."""
        self._run(self.index.text.run())
        self._run(self._prepare())
        watches = [self._watch(site) for site in self._settings.sites]
        await asyncio.gather(*(self._look(watch, None) for watch in watches))
        for watch in watches:
            self._run(self._go_on(watch))
        self.discovery.start()
        self._micro.start()
        await self._bus.flush()
        self.ready.set()
        log.info("window_ready", id=self.id, sites=self._settings.sites, members=len(self.index.registry))

    async def stop(self) -> None:
        """Take no more questions, and look no longer."""
        await self._micro.stop()
        await self.discovery.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.index.text.stop()

    # looking ------------------------------------------------------------------------------------------------------

    def _watch(self, site: str) -> Watch:
        bucket = Bucket(self._bus, self._bus.settings.bucket, timeout=READ_TIMEOUT_S, domain=site)
        return Watch(site, bucket, self.sites)

    async def _go_on(self, watch: Watch) -> None:
        seen_at: float | None = time.monotonic()
        while True:
            await asyncio.sleep(self._settings.site_check_s)
            seen_at = await self._look(watch, seen_at)

    async def _look(self, watch: Watch, seen_at: float | None) -> float | None:
        """Look once. Returns when the site was last seen (monotonic seconds): `seen_at` where it is not seen now."""
        try:
            changed = await watch.look()
        except FederationError as exc:
            if seen_at is None or time.monotonic() - seen_at > self._settings.site_away_s:
                self._set_away(watch.site, away=True, reason=exc.message)
            return seen_at
        self._set_away(watch.site, away=False)
        self._show(changed)
        return time.monotonic()

    def _set_away(self, site: str, *, away: bool, reason: str = "") -> None:
        if away is not (site in self.sites.away):
            log.warning("site_away" if away else "site_back", site=site, reason=reason)
        self._show(self.sites.set_away(site, away))

    def _show(self, changed: Iterable[Instance]) -> None:
        for who in changed:
            record = self.sites.shown(who)
            if record is None:
                self.index.drop(who, next(self._revisions))
            elif record != self.index.registry.record(who):
                self.index.hold(record, next(self._revisions))

    async def _prepare(self) -> None:
        """Gateways of the hub keep client sessions in its own storage: made here, as any directory makes it."""
        while True:
            try:
                await prepare(self._bus)
                return
            except FederationError as exc:
                log.warning("storage_not_prepared", error=exc.code, reason=exc.message)
                await asyncio.sleep(self._settings.site_check_s)

    # life ---------------------------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bus.spawn(work)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (exc := task.exception()) is not None and not self.broken.done():
            log.critical("window_broken", id=self.id, exc_info=exc)
            self.broken.set_result(exc)

    def _figures(self) -> dict[str, object]:
        return {
            "replica": self.id,
            "ready": self.ready.is_set(),
            "uptime_s": round(time.monotonic() - self._started, 1),
            "sites": {
                site: {"instances": self.sites.instances_of(site), "away": site in self.sites.away}
                for site in self._settings.sites
            },
        }

    def _service(self) -> MicroService:
        return MicroService(
            name="omega-directory",
            id=self.id,
            version=VERSION,
            description="Discovery across the sites of the federation",
            metadata={"omega": "1", "kind": "window"},
            endpoints=[*self.discovery.endpoints.values()],
        )
