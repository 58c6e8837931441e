"""The station where members arrive and leave: check, decide, write, answer.

The answer goes out after the registry's storage acknowledged the write, never before. A plain publish is taken too;
nobody hears its refusal but the audit trail.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import structlog

from bus import Bus, Instance, Message, codec, headers
from bus.connection import Subscription
from bus.errors import FederationError, Internal, InvalidRequest, NotAllowed, UnknownMember
from bus.manifest import digest, read_manifest
from bus.messages import EventKind, Leave
from bus.micro import Endpoint
from bus.names import ANY_INSTANCE
from bus.trail import Trail
from bus.validation import validated
from directory.admission import Announcement, Outcome, admit, leave
from directory.clock import Clock
from directory.index import Index
from directory.record import Record
from directory.store import Store, Stored

QUEUE = "omega-directory"
LAST_ANSWERS_S = 8.0
"""How long the end may wait for what was taken: less than a supervisor's patience, more than a write takes."""
_EVENT_OF = {Outcome.REGISTERED: EventKind.REGISTERED, Outcome.UPDATED: EventKind.UPDATED}

log = structlog.get_logger(__name__)


class Intake:
    """Serves `omega.register…` and `omega.leave…` for this replica's share of them."""

    def __init__(self, bus: Bus, store: Store, index: Index, trail: Trail, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._index = index
        self._trail = trail
        self._clock = clock
        self._subscriptions: list[Subscription] = []
        self._serving: set[asyncio.Task[None]] = set()
        self.registering = Endpoint("register", bus.subjects.every("register"), QUEUE)
        self.leaving = Endpoint("leave", bus.subjects.every("leave"), QUEUE)

    def start(self, write_concurrency: int) -> None:
        self._turns = asyncio.Semaphore(write_concurrency)
        for endpoint, handler in ((self.registering, self._on_register), (self.leaving, self._on_leave)):
            self._subscriptions.append(self._bus.listen(endpoint.subject, handler, QUEUE))

    async def stop(self) -> None:
        """Take no more, and answer what was taken: the other replicas have not seen it."""
        for subscription in self._subscriptions:
            await subscription.drain()
        if self._serving:
            await asyncio.wait(self._serving, timeout=LAST_ANSWERS_S)

    def _on_register(self, message: Message) -> None:
        self._spawn(self._serve(message, self.registering))

    def _on_leave(self, message: Message) -> None:
        self._spawn(self._serve(message, self.leaving))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bus.spawn(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, message: Message, endpoint: Endpoint) -> None:
        started = time.perf_counter()
        who = self._bus.subjects.who(message.subject)
        try:
            async with self._turns:
                answer = await (self._register if endpoint is self.registering else self._leave)(message, who)
            self._bus.respond(message, codec.encode(answer, message.form), {headers.CONTENT_TYPE: message.form})
            endpoint.count(started)
        except FederationError as exc:
            self._refused(message, who, exc)
            endpoint.count(started, exc.code)
        except Exception:
            log.exception("intake_failed", subject=message.subject)
            self._bus.respond_error(message, Internal())
            endpoint.count(started, Internal.code)

    # registering --------------------------------------------------------------------------------------------------

    async def _register(self, message: Message, who: Instance | None) -> dict[str, object]:
        new = read_announcement(message, _named(who, message.subject))
        outcome = Outcome.UNCHANGED

        def decision(current: Record | None) -> Record:
            nonlocal outcome
            admission = admit(current, new, self._clock())
            outcome = admission.outcome
            return admission.record

        stored = await self._store.decide(new.who, decision)
        self._index.hear(new.who)
        if outcome in _EVENT_OF:
            self._trail.tell(_EVENT_OF[outcome], new.who, version=new.manifest.get("version"), digest=new.digest)
        return _confirmation(outcome, stored)

    # leaving ------------------------------------------------------------------------------------------------------

    async def _leave(self, message: Message, who: Instance | None) -> dict[str, object]:
        named = _named(who, message.subject)
        epoch = validated(Leave, codec.decode_object(message.data, message.form)).epoch
        everyone = self._bus.subjects.names_all_instances(message.subject)
        leaving = await self._store.instances(named.member) if everyone else [named]
        left = [instance for instance in leaving if await self._one_leaves(instance, epoch)]
        if not left:
            raise UnknownMember(f"{named.member if everyone else named.key}: not registered")
        return {"status": "left", "id": named.member, "instances": [one.instance for one in left]}

    async def _one_leaves(self, who: Instance, epoch: int | None) -> bool:
        stored = await self._store.decide(who, lambda current: leave(current, self._clock(), epoch))
        if stored.written:
            self._trail.tell(EventKind.LEFT, who)
        return stored.written

    def _refused(self, message: Message, who: Instance | None, error: FederationError) -> None:
        self._bus.respond_error(message, error)
        if not isinstance(error, UnknownMember):
            self._trail.tell(EventKind.REJECTED, who, code=error.code, reason=error.message[:500])


def read_announcement(message: Message, who: Instance) -> Announcement:
    """The registration in a message. Raises Malformed, InvalidRequest, TooLarge, NotAllowed (signed ones)."""
    body = codec.decode_object(message.data, message.form)
    if "signed" in body and "id" not in body:
        raise NotAllowed("signed: this directory has no trusted keys to check a signed manifest against")
    manifest = read_manifest(body, member=who.member)
    epoch = manifest.pop("epoch", None)
    return Announcement(who, manifest, digest(manifest), epoch)


def _named(who: Instance | None, subject: str) -> Instance:
    if who is None or who.instance == ANY_INSTANCE:
        tail = ".".join(subject.split(".")[2:])[:160]
        raise InvalidRequest(
            f"id: 1 to 64 letters, digits, '_' or '-' (and the instance not 'any'), not {tail!r}",
            details={"field": "id"},
        )
    return who


def _confirmation(outcome: Outcome, stored: Stored) -> dict[str, object]:
    record = stored.record
    assert record is not None
    return {
        "status": outcome.value,
        "id": record.who.member,
        "instance": record.who.instance,
        "epoch": record.epoch,
        "digest": record.digest,
        "revision": stored.revision,
        "heartbeat_interval_s": record.heartbeat_interval_s,
    }
