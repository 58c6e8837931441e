"""The station that keeps a member in the directory: announce, heartbeat, announce again when asked, leave.

A member with a key signs what it announces, and does it again before the signature ends.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from bus import Bus, Federation, Instance, Message
from bus.compact import Reason
from bus.connection import Subscription
from bus.errors import Conflict, FederationError, Refused, UnknownMember
from members.signer import Signer

MAX_PAUSE_S = 5.0
SPREAD_S = 0.5
"""After a reconnect a fleet announces itself over this long, not all at once."""
_SIGN_AGAIN = frozenset({Reason.REPLAYED, Reason.EXPIRED})
"""What a signature may be refused for where a new one may be taken."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Load:
    """What a heartbeat tells of the instance."""

    load: float
    in_flight: int
    limit: int


class Presence:
    """Announces one instance and keeps its lease. `jitter` gives numbers of [0, 1)."""

    def __init__(
        self,
        bus: Bus,
        who: Instance,
        manifest: dict[str, Any],
        load: Callable[[], Load],
        *,
        signer: Signer | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._bus = bus
        self._who = who
        self._manifest = manifest
        self._load = load
        self._signer = signer
        self._jitter = jitter
        self._epoch = time.time_ns() // 1_000_000
        self._digest: str | None = None
        self._again = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._resync: Subscription | None = None
        self.announced = asyncio.Event()
        """Set once the registry has stored this instance."""
        self.refused: FederationError | None = None
        """Why the directory will never take this instance, once that is known."""

    def start(self) -> None:
        """Begin announcing; `announced` is set when that succeeded, or `refused` says why it never will."""
        self._resync = self._bus.listen(self._bus.subjects.resync(self._who), self._asked_to_announce)
        self._bus.on_return(self._again.set)
        self._again.set()
        self._tasks = [self._bus.spawn(self._announce_when_asked()), self._bus.spawn(self._beat())]

    async def update(self, manifest: dict[str, Any]) -> None:
        """Announce another manifest of the same instance."""
        self._manifest = manifest
        self.announced.clear()
        self._again.set()
        await self.announced.wait()

    async def leave(self) -> None:
        """Stop heartbeats and tell the directory, which ends no life but this one.

        A directory that cannot be told finds out by the lease.
        """
        for task in self._tasks:
            task.cancel()
        if self._resync is not None:
            await self._resync.stop()
        try:
            async with asyncio.timeout(3):
                await Federation(self._bus).leave(self._who.member, self._who.instance, epoch=self._epoch)
        except UnknownMember:
            log.debug("left_already", member=self._who.member)
        except (FederationError, TimeoutError) as exc:
            log.warning("leave_not_confirmed", member=self._who.member, error=repr(exc))

    # announcing ---------------------------------------------------------------------------------------------------

    def _asked_to_announce(self, _: Message) -> None:
        self._again.set()

    async def _announce_when_asked(self) -> None:
        while True:
            await self._due()
            if self.announced.is_set():
                await asyncio.sleep(SPREAD_S * self._jitter())
            self._again.clear()
            await self._announce()

    async def _due(self) -> None:
        """Return when the member was asked to announce itself, or its signature is to be replaced."""
        wait_s = None if self._signer is None or self.refused is not None else max(1.0, self._signer.due_in)
        try:
            async with asyncio.timeout(wait_s):
                await self._again.wait()
        except TimeoutError:
            log.debug("signing_again", member=self._who.member)

    async def _announce(self) -> None:
        pause, afresh = 0.1, False
        while True:
            try:
                answer = await Federation(self._bus).register_bytes(self._who, await self._body(afresh=afresh))
            except Refused as exc:
                if afresh or (exc.details or {}).get("reason") not in _SIGN_AGAIN:
                    return self._give_up(exc)
                afresh = True
            except FederationError as exc:
                log.warning("not_announced_yet", member=self._who.member, error=exc.code)
                await asyncio.sleep(pause * (0.5 + self._jitter()))
                pause = min(MAX_PAUSE_S, pause * 2)
            else:
                return self._confirmed(answer)

    async def _body(self, *, afresh: bool) -> bytes:
        """The registration: the manifest, or its signature. Raises InvalidRequest, TooLarge."""
        if self._signer is None:
            return orjson.dumps(self._manifest | {"epoch": self._epoch})
        token = await asyncio.to_thread(self._signer.token, self._manifest, self._epoch, afresh=afresh)
        return orjson.dumps({"signed": token})

    def _confirmed(self, answer: dict[str, Any]) -> None:
        self._digest = answer.get("digest")
        log.info("announced", member=self._who.member, instance=self._who.instance, status=answer.get("status"))
        self.refused = None
        self.announced.set()

    def _give_up(self, error: FederationError) -> None:
        said = "displaced" if isinstance(error, Conflict) else "refused"
        log.error(said, member=self._who.member, instance=self._who.instance, reason=error.message)
        self.refused = error
        self.announced.set()

    # heartbeats ---------------------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        interval = float(self._manifest["heartbeat_interval_s"])
        await self.announced.wait()
        await asyncio.sleep(interval * self._jitter())
        while True:
            try:
                self._bus.send(self._bus.subjects.heartbeat(self._who), self._heartbeat())
            except FederationError as exc:
                log.debug("heartbeat_not_sent", error=exc.code)
            await asyncio.sleep(interval * (0.9 + 0.2 * self._jitter()))

    def _heartbeat(self) -> bytes:
        load = self._load()
        told = {"epoch": self._epoch, "digest": self._digest, "load": round(load.load, 3)}
        told |= {"in_flight": load.in_flight, "limit": load.limit}
        if site := self._manifest.get("site"):
            told["site"] = site
        return orjson.dumps(told)
