"""Members that registered over HTTP with an `endpoints.mcp` of their own, joined so that the bus can call them.

Each adopter is one more instance of the member, named `adopted-…`, with the member's own manifest and the tools its
server lists. Several adopters are several instances: they share the calls, and one is enough. The member stays what
it was: when its own registration ends, the adoption ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus import Bus, Federation, Instance, Message
from bus.errors import DeadlineExceeded, FederationError, NoInstance, UnknownMember
from bus.kv import Bucket
from bus.names import ID_PATTERN, is_id
from members.adapters.health import HealthWatch
from members.adapters.joined import Described, Joined
from members.adapters.rules import Rules
from members.adapters.targets import HttpTarget, Unusable, checked_url
from members.guard import Fetcher, Forbidden, Policy, checked
from members.settings import MemberSettings

PREFIX = "adopted-"
PING_S = 1.0
PAGE = 200
AGAIN_S = 30.0

_NOT_CARRIED = frozenset({
    *MemberSettings.model_fields, "server", "settings", "lifespan", "id", "tags", "capabilities", "tools",
    "heartbeat_interval_s", "epoch", "protocol_versions",
})  # fmt: skip
"""Manifest fields that are the adopter's own to say."""

log = structlog.get_logger(__name__)


class AdopterSettings(BaseSettings):
    """Whom an adopter adopts. Read from `OMEGA_ADOPTER_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_ADOPTER_", extra="ignore")

    name: str = Field(default_factory=lambda: secrets.token_hex(4), pattern=ID_PATTERN, max_length=56)
    """What tells its instances from those of other adopters. Unset: random."""

    allow_loopback: bool = False
    """Dial addresses of this machine. Whoever may register a member can then have services of this machine called
    that listen on loopback only: right where every client is on this machine too."""

    allow_private: bool = False
    """Dial private addresses (10.0.0.0/8 and the like): right where the members live in the operator's own network.
    Link-local addresses and metadata hosts stay forbidden."""

    look_every_s: float = Field(default=60.0, ge=0.1, le=3_600)
    """Pause between two looks at the whole registry. Changes are heard of as they happen; this finds missed ones."""

    health_every_s: float = Field(default=30.0, ge=0.1, le=3_600)
    """Pause between two looks at a member's `endpoints.health`."""

    max_adopted: int = Field(default=256, ge=1, le=10_000)
    """Members adopted at once; each holds a connection and a session. One more is told in the log."""

    @property
    def policy(self) -> Policy:
        return Policy(loopback=self.allow_loopback, private=self.allow_private)


@dataclass(frozen=True, slots=True)
class Adoption:
    """A member that is adopted, as it was when that began."""

    manifest: Mapping[str, Any]
    task: asyncio.Task[None]


class Adopter:
    """Adopts while `run` runs."""

    def __init__(self, bus: Bus, settings: AdopterSettings | None = None, *, rules: Rules | None = None) -> None:
        self._bus = bus
        self._settings = settings or AdopterSettings()
        self._rules = rules or Rules(longest_pause_s=30.0)
        self._bucket = Bucket(bus, bus.settings.bucket)
        self._adopted: dict[str, Adoption] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self.looked = asyncio.Event()
        """Set after the first look at the whole registry."""

    async def run(self) -> None:
        """Adopt until cancelled; then every adopted instance leaves."""
        events = self._bus.listen(self._bus.subjects.event("*", "*"), self._heard)
        looking = asyncio.create_task(self._look_at_all())
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._due:
                    await self._consider(self._due.pop())
        finally:
            looking.cancel()
            await events.stop()
            for adoption in self._adopted.values():
                adoption.task.cancel()
            await asyncio.gather(looking, *(one.task for one in self._adopted.values()), return_exceptions=True)

    # who is due ---------------------------------------------------------------------------------------------------

    def _heard(self, message: Message) -> None:
        try:
            event = orjson.loads(message.data)
            member, instance = event["member"], event["instance"] or ""
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return
        if isinstance(member, str) and is_id(member) and not str(instance).startswith(PREFIX):
            self._due.add(member)
            self._wake.set()

    async def _look_at_all(self) -> None:
        while True:
            try:
                await self._list()
            except FederationError as exc:
                log.warning("registry_not_read", error=exc.code)
                await asyncio.sleep(1)
                continue
            self._wake.set()
            self.looked.set()
            await asyncio.sleep(self._settings.look_every_s)

    async def _list(self) -> None:
        federation, page = Federation(self._bus), 1
        self._due.update(self._adopted)
        while True:
            listed = (await federation.ask("servers", {"status": "any", "page": page, "limit": PAGE}))["servers"]
            self._due.update(one["id"] for one in listed if "mcp" in (one.get("endpoints") or {}))
            if len(listed) < PAGE:
                return
            page += 1

    # deciding -----------------------------------------------------------------------------------------------------

    async def _consider(self, member: str) -> None:
        try:
            manifest = await self._adoptable(member)
        except (FederationError, orjson.JSONDecodeError, KeyError) as exc:
            log.warning("not_considered", member=member, reason=str(exc))
            return
        current = self._adopted.get(member)
        if current is not None and (manifest != current.manifest or current.task.done()):
            await self._end(member)
            current = None
        if manifest is not None and current is None:
            self._begin(member, manifest)

    async def _adoptable(self, member: str) -> dict[str, Any] | None:
        """The member's own manifest, when it should be adopted."""
        try:
            known = await Federation(self._bus).server(member)
        except UnknownMember:
            return None
        for instance in known["instances"]:
            who = Instance(member, instance["id"])
            if who.instance.startswith(PREFIX):
                continue
            manifest = await self._record(who)
            if "mcp" in (manifest.get("endpoints") or {}) and not await self._on_the_bus(who):
                return manifest
        return None

    async def _record(self, who: Instance) -> dict[str, Any]:
        """The manifest that instance registered: discovery shows one of all instances, which may be ours."""
        entry = await self._bucket.get(who.key)
        manifest = orjson.loads(entry.value)["manifest"] if entry.value else {}
        return manifest if isinstance(manifest, dict) else {}

    async def _on_the_bus(self, who: Instance) -> bool:
        """Whether the instance takes calls itself."""
        try:
            await self._bus.request(self._bus.subjects.ping(who), b"", timeout=PING_S)
        except NoInstance:
            return False
        except DeadlineExceeded:
            return True  # somebody listens, and is slow
        return True

    # adopting -----------------------------------------------------------------------------------------------------

    def _begin(self, member: str, manifest: dict[str, Any]) -> None:
        url = str(manifest["endpoints"]["mcp"])
        try:
            if len(self._adopted) >= self._settings.max_adopted:
                raise Unusable(f"{self._settings.max_adopted} members are adopted already")
            checked(checked_url(url), self._settings.policy)
        except (Unusable, Forbidden) as exc:
            log.warning("not_adopted", member=member, reason=str(exc))
            return
        log.info("adopting", member=member, url=url)
        self._adopted[member] = Adoption(manifest, asyncio.create_task(self._adopt(member, manifest, url)))

    async def _end(self, member: str) -> None:
        adoption = self._adopted.pop(member)
        adoption.task.cancel()
        await asyncio.gather(adoption.task, return_exceptions=True)
        log.info("adoption_ended", member=member)

    async def _adopt(self, member: str, manifest: Mapping[str, Any], url: str) -> None:
        """One member, kept apart from the others: a fault of its adoption ends nothing else."""
        watch = HealthWatch(
            member, manifest["endpoints"].get("health"), Fetcher(self._settings.policy), self._settings.health_every_s
        )
        while True:
            try:
                async with watch.watching():
                    await watch.well.wait()
                    joined = self._joined(member, manifest, url)
                    await _until(watch.ill, joined.run(self._bus))
            except Exception:
                log.exception("adoption_failed", member=member)
                await asyncio.sleep(AGAIN_S)

    def _joined(self, member: str, manifest: Mapping[str, Any], url: str) -> Joined:
        carried = {name: value for name, value in manifest.items() if name not in _NOT_CARRIED}
        described = Described(member, manifest.get("tags") or (), manifest.get("capabilities") or (), carried)
        settings = MemberSettings(instance=f"{PREFIX}{self._settings.name}")
        return Joined(described, HttpTarget(url), settings=settings, rules=self._rules, policy=self._settings.policy)


async def _until(event: asyncio.Event, work: Any) -> None:
    """Run `work` until it ends or `event` is set. Raises what it raises."""
    running = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        for task in (running, waiting):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(running, waiting, return_exceptions=True)
