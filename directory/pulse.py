"""The station where heartbeats arrive: renew the lease, revive the stale, ask the unknown to announce themselves.

Heartbeats never touch the registry's storage, with one exception: the first one of an instance that was stale.
"""

from __future__ import annotations

import structlog

from bus import Bus, Instance, Message, codec
from bus.connection import Subscription
from bus.errors import Disconnected, FederationError
from bus.messages import EventKind, Heartbeat
from bus.trail import Trail
from bus.validation import validated
from directory.clock import Clock
from directory.index import Index
from directory.life import Beat, revive
from directory.store import Store

RESYNC_PAUSE_S = 1.0
"""One instance is asked to announce itself at most this often."""
_REMEMBERED = 10_000

log = structlog.get_logger(__name__)


class Pulse:
    """Hears every heartbeat of the federation; each replica hears all of them."""

    def __init__(self, bus: Bus, store: Store, index: Index, trail: Trail, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._index = index
        self._trail = trail
        self._clock = clock
        self._asked: dict[Instance, float] = {}
        self._reviving: set[Instance] = set()
        self._subscription: Subscription | None = None
        self.heard = 0

    def start(self) -> None:
        self._subscription = self._bus.listen(self._bus.subjects.every("heartbeat"), self._on_heartbeat)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()

    def _on_heartbeat(self, message: Message) -> None:
        who = self._bus.subjects.who(message.subject)
        if who is None:
            return
        try:
            told = validated(Heartbeat, codec.decode_object(message.data, message.form))
        except FederationError as exc:
            log.debug("heartbeat_unreadable", member=who.member, reason=exc.message)
            return
        self.heard += 1
        self._weigh(who, told)

    def _weigh(self, who: Instance, told: Heartbeat) -> None:
        beat = self._index.weigh(who, told)
        record = self._index.registry.record(who)
        if beat is Beat.RESYNC:
            self._ask_to_announce(who)
        elif beat is Beat.REVIVE and record is not None and who not in self._reviving:
            self._reviving.add(who)
            self._bus.spawn(self._revive(who, record.epoch))

    def _ask_to_announce(self, who: Instance) -> None:
        now = self._clock()
        if now - self._asked.get(who, 0.0) < RESYNC_PAUSE_S:
            return
        if len(self._asked) >= _REMEMBERED:
            self._asked.clear()
        self._asked[who] = now
        try:
            self._bus.send(self._bus.subjects.resync(who), b"{}")
        except Disconnected:
            log.debug("resync_not_sent", member=who.member)

    async def _revive(self, who: Instance, epoch: int) -> None:
        try:
            stored = await self._store.decide(who, lambda current: revive(current, epoch, self._clock()))
            if stored.written:
                self._trail.tell(EventKind.ACTIVE, who)
        except FederationError as exc:
            log.warning("not_revived", member=who.member, error=exc.code)
        finally:
            self._reviving.discard(who)
