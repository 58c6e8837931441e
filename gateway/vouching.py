"""Whether a member's served manifest is what a trusted key signed: asked before a call, remembered for a while.

It is asked of the directory once, and again when the audit trail tells of the member, when the keys change, or after
`HOLDS_S`. So a call costs nothing more, and a manifest that was changed on the way stops calls within that time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from bus import Bus, Federation, Instance, Message
from bus.connection import Subscription
from bus.errors import NotAllowed, UnknownMember
from bus.messages import EventKind
from bus.signing import verify_manifest
from bus.trail import Trail
from bus.truststore import TrustStore, WatchedStore

HOLDS_S = 30.0
"""How long a finding is used."""
REMEMBERED = 10_000

log = structlog.get_logger(__name__)


class Vouching:
    """Says of members whether they may be called."""

    def __init__(self, bus: Bus, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises InvalidRequest for a trust store that is broken."""
        self._bus = bus
        self._federation = Federation(bus)
        self._store = WatchedStore(path, self._keys_changed)
        self._trail = Trail(bus, "gateway")
        self._clock = clock
        self._found: dict[str, tuple[float, NotAllowed | None]] = {}
        self._subscription: Subscription | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._subscription = self._bus.listen(self._bus.subjects.event("*", "*"), self._on_event)
        self._bus.on_return(self._found.clear)
        self._watching = self._bus.spawn(self._store.run())

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()
        if self._watching is not None:
            self._watching.cancel()

    async def check(self, member: str) -> None:
        """Raises NotAllowed (not signed, not well, or not the same; its reason in the details), DirectoryAway.

        Of a member that nobody knows nothing is said: the call finds out.
        """
        until, refusal = self._found.get(member, (0.0, None))
        if self._clock() >= until:
            refusal = await self._look(member)
        if refusal is not None:
            raise NotAllowed(refusal.message, details=refusal.details)

    async def _look(self, member: str) -> NotAllowed | None:
        refusal = None
        try:
            verify_manifest(await self._federation.server(member), self._store.current)
        except UnknownMember:
            return None
        except NotAllowed as exc:
            refusal = exc
            facts = {"code": exc.code, "reason": exc.message, "why": (exc.details or {}).get("reason")}
            self._trail.tell(EventKind.CALL_DENIED, Instance(member), **facts)
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        self._found[member] = (self._clock() + HOLDS_S, refusal)
        return refusal

    def _on_event(self, message: Message) -> None:
        kind, _, member = self._bus.subjects.event_tail(message.subject).partition(".")
        if kind != EventKind.CALL_DENIED:  # our own word is no news
            self._found.pop(member, None)

    def _keys_changed(self, before: TrustStore, after: TrustStore) -> None:
        self._found.clear()
