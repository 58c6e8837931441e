"""The station where members arrive and leave: check, decide, write, answer.

They speak for themselves, or a gateway speaks for a caller of its own. The answer goes out after the registry's storage
acknowledged the write, never before. A plain publish is taken too; nobody hears its refusal but the audit trail.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from bus import Bus, Instance, Message, codec, headers
from bus.connection import Subscription
from bus.errors import FederationError, Internal, InvalidRequest, UnknownMember
from bus.messages import EventKind, Leave
from bus.micro import Endpoint
from bus.names import ANY_INSTANCE
from bus.trail import Trail
from bus.validation import validated
from directory.admission import Admission, Announcement, Outcome, admit, leave
from directory.changes import changed_tools
from directory.clock import Clock
from directory.index import Index
from directory.owners import Change, Owners
from directory.ownership import NOBODY, Claim, claim_of
from directory.record import Record
from directory.signatures import Signatures
from directory.store import Store, Stored

QUEUE = "omega-directory"
LAST_ANSWERS_S = 8.0
"""How long the end may wait for what was taken: less than a supervisor's patience, more than a write takes."""
_EVENT_OF = {Outcome.REGISTERED: EventKind.REGISTERED, Outcome.UPDATED: EventKind.UPDATED}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may say what here."""

    owners: Owners
    signatures: Signatures


@dataclass(frozen=True, slots=True)
class Said:
    """A message, whom it is about, and who sent it."""

    message: Message
    who: Instance
    claim: Claim


Work = Callable[[Said], Awaitable[dict[str, object]]]


class Intake:
    """Serves `omega.register…` and `omega.leave…`, and what gateways pass on of both, for this replica's share."""

    def __init__(self, bus: Bus, store: Store, index: Index, rights: Rights, *, trail: Trail, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._index = index
        self._rights = rights
        self._trail = trail
        self._clock = clock
        self._subscriptions: list[Subscription] = []
        self._serving: set[asyncio.Task[None]] = set()
        every, passed_on = bus.subjects.every, bus.subjects.on_behalf_every
        self._work: dict[str, Work] = {"register": self._register, "leave": self._leave}
        self.endpoints = [
            *(Endpoint(verb, every(verb), QUEUE) for verb in self._work),
            *(Endpoint(f"{verb}-for-callers", passed_on(verb), QUEUE) for verb in self._work),
        ]

    def start(self, write_concurrency: int) -> None:
        self._turns = asyncio.Semaphore(write_concurrency)
        for endpoint in self.endpoints:
            self._subscriptions.append(self._bus.listen(endpoint.subject, self._on(endpoint), QUEUE))

    async def stop(self) -> None:
        """Take no more, and answer what was taken: the other replicas have not seen it."""
        for subscription in self._subscriptions:
            await subscription.drain()
        if self._serving:
            await asyncio.wait(self._serving, timeout=LAST_ANSWERS_S)

    def _on(self, endpoint: Endpoint) -> Callable[[Message], None]:
        work = self._work[endpoint.name.partition("-")[0]]

        def take(message: Message) -> None:
            # Asked now: a connection that is lost a moment later proved who spoke all the same.
            self._spawn(self._serve(message, endpoint, work, identified=self._bus.identified))

        return take

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._bus.spawn(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, message: Message, endpoint: Endpoint, work: Work, *, identified: bool) -> None:
        started = time.perf_counter()
        who, claim = self._bus.subjects.who(message.subject), NOBODY
        try:
            claim = claim_of(message, who, self._bus.subjects, identified=identified)
            async with self._turns:
                answer = await work(Said(message, _named(who, message.subject), claim))
            self._bus.respond(message, codec.encode(answer, message.form), {headers.CONTENT_TYPE: message.form})
            endpoint.count(started)
        except FederationError as exc:
            self._refused(message, who, claim, exc)
            endpoint.count(started, exc.code)
        except Exception:
            log.exception("intake_failed", subject=message.subject)
            self._bus.respond_error(message, Internal())
            endpoint.count(started, Internal.code)

    # registering --------------------------------------------------------------------------------------------------

    async def _register(self, said: Said) -> dict[str, object]:
        message, who, rights = said.message, said.who, self._rights
        new = await rights.signatures.registration(codec.decode_object(message.data, message.form), who)
        claim = Claim(said.claim.principal, new.key, said.claim.companion)
        if new.signed is None:
            rights.signatures.check_plain(claim, rights.owners.of(who.member), self._index.registry.get(who.member))
            self._tell_owner(who, claim, await rights.owners.settle(who.member, claim))
        admission, stored = await self._admitted(new)
        if new.signed is not None and stored.written:  # only now it is sure that nobody used it before
            self._tell_owner(who, claim, await rights.owners.settle(who.member, claim))
        return _confirmation(admission.outcome, stored)

    async def _admitted(self, new: Announcement) -> tuple[Admission, Stored]:
        """Write what the registration makes of the record held, and tell of it."""
        last: list[tuple[Record | None, Admission]] = []

        def decision(current: Record | None) -> Record:
            admission = admit(current, new, self._clock())
            last[:] = [(current, admission)]
            return admission.record

        known = self._index.known(new.who.member)
        stored = await self._store.decide(new.who, decision)
        before, admission = last[0]
        if stored.written or new.signed is None:  # a copy of what was signed is no sign of life
            self._index.hear(new.who)
        if admission.outcome in _EVENT_OF:
            self._tell_registered(new, admission.outcome, before or known)
        return admission, stored

    def _tell_registered(self, new: Announcement, outcome: Outcome, before: Record | None) -> None:
        facts = {"version": new.manifest.get("version"), "digest": new.digest, "key": new.key}
        self._trail.tell(_EVENT_OF[outcome], new.who, **facts)
        if before is None or before.digest == new.digest:
            return
        for change in changed_tools(before.manifest, new.manifest):
            self._trail.tell(EventKind.TOOL_CHANGED, new.who, tool=change.tool, old=change.old, new=change.new)

    def _tell_owner(self, who: Instance, claim: Claim, change: Change | None) -> None:
        if change is not None:
            facts = {"owner": change.after, "was": change.before, "caller": claim.told}
            self._trail.tell(EventKind.OWNER_CHANGED, who, **facts)

    # leaving ------------------------------------------------------------------------------------------------------

    async def _leave(self, said: Said) -> dict[str, object]:
        message, named = said.message, said.who
        epoch = validated(Leave, codec.decode_object(message.data, message.form)).epoch
        await self._rights.owners.check_leaving(named.member, said.claim)
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

    def _refused(self, message: Message, who: Instance | None, claim: Claim, error: FederationError) -> None:
        self._bus.respond_error(message, error)
        if not isinstance(error, UnknownMember):
            facts = {"code": error.code, "reason": error.message[:500], "why": reason_of(error)}
            self._trail.tell(EventKind.REJECTED, who, caller=claim.told, subject=message.subject[:200], **facts)


def reason_of(error: FederationError) -> str | None:
    """The one word an error gives for its reason, if it does."""
    word = (error.details or {}).get("reason")
    return str(word) if word is not None else None


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
