"""The station where heartbeats arrive: renew the lease, revive the stale, ask the unknown to announce themselves.

One that is not the owner's is ignored, and told of once in a while. Those of a gateway's callers are answered.

Heartbeats never touch the registry's storage, with one exception: the first one of an instance that was stale.
"""

from __future__ import annotations

import structlog

from bus import Bus, Instance, Message, codec
from bus.connection import Subscription
from bus.errors import Disconnected, FederationError, InvalidRequest, UnknownMember
from bus.messages import EventKind, Heartbeat
from bus.trail import Trail
from bus.validation import validated
from directory.clock import Clock
from directory.index import Index
from directory.intake import Rights, reason_of
from directory.life import Beat, revive
from directory.ownership import Claim, claim_of
from directory.store import Store

RESYNC_PAUSE_S = 1.0
"""One instance is asked to announce itself at most this often."""
TELL_PAUSE_S = 60.0
"""The audit trail hears of somebody else's heartbeats for one member at most this often."""
_REMEMBERED = 10_000

log = structlog.get_logger(__name__)


class Pulse:
    """Hears every heartbeat of the federation; each replica hears all of them."""

    def __init__(self, bus: Bus, store: Store, index: Index, rights: Rights, *, trail: Trail, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._index = index
        self._rights = rights
        self._trail = trail
        self._clock = clock
        self._asked: dict[Instance, float] = {}
        self._told: dict[str, float] = {}
        self._reviving: set[Instance] = set()
        self._subscriptions: list[Subscription] = []
        self.heard = 0

    def start(self, door: Bus) -> None:
        """`door` is a connection that hears at once: on it gateways await an answer."""
        subjects = self._bus.subjects
        self._subscriptions = [
            self._bus.listen(subjects.every("heartbeat"), self._on_heartbeat),
            door.listen(subjects.on_behalf_every("heartbeat"), lambda message: self._on_passed_on(message, door)),
        ]

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            await subscription.stop()

    def _on_heartbeat(self, message: Message) -> None:
        who = self._bus.subjects.who(message.subject)
        if who is None:
            return
        try:
            self._take(message, who)
        except FederationError as exc:
            log.debug("heartbeat_not_taken", member=who.member, reason=exc.message)

    def _on_passed_on(self, message: Message, door: Bus) -> None:
        """A gateway asks for its caller, and may ask several replicas at once: the first answer is the answer."""
        who = self._bus.subjects.who(message.subject)
        try:
            if who is None:
                raise InvalidRequest("id: not the id of a member", details={"field": "id"})
            if self._take(message, who) is Beat.RESYNC:
                raise UnknownMember(f"{who.key}: not registered")
            door.respond(message, b"{}")
        except FederationError as exc:
            door.respond_error(message, exc)

    def _take(self, message: Message, who: Instance) -> Beat:
        """Raises NotAllowed (not the owner's), Malformed, InvalidRequest."""
        owner = self._rights.owners.of(who.member)
        if owner is not None:
            self._check(message, who)
        told = validated(Heartbeat, codec.decode_object(message.data, message.form))
        self.heard += 1
        return self._weigh(who, told)

    def _check(self, message: Message, who: Instance) -> None:
        claim = claim_of(message, who, self._bus.subjects, identified=self._bus.identified)
        try:
            self._rights.owners.check_speaker(who.member, claim)
        except FederationError as exc:
            self._tell(message, who, claim, exc)
            raise

    def _tell(self, message: Message, who: Instance, claim: Claim, error: FederationError) -> None:
        now = self._clock()
        if now - self._told.get(who.member, -TELL_PAUSE_S) < TELL_PAUSE_S:
            return
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told[who.member] = now
        facts = {"code": error.code, "reason": error.message, "why": reason_of(error)}
        self._trail.tell(EventKind.REJECTED, who, caller=claim.told, subject=message.subject[:200], **facts)

    def _weigh(self, who: Instance, told: Heartbeat) -> Beat:
        beat = self._index.weigh(who, told)
        record = self._index.registry.record(who)
        if beat is Beat.RESYNC:
            self._ask_to_announce(who)
        elif beat is Beat.REVIVE and record is not None and who not in self._reviving:
            self._reviving.add(who)
            self._bus.spawn(self._revive(who, record.epoch))
        return beat

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
