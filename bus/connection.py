"""The bus: one supervised NATS connection that a process opens once and keeps.

It outlives every single connection (`bus.supervision` opens the next one), and every subscription is there again
afterwards. While there is none a request is refused at once; nothing is queued for later.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from bus.clock import Clock
from bus.errors import Disconnected, FederationError, OutcomeUnknown
from bus.inbox import Answer, Deliver, Inbox
from bus.message import EMPTY, Headers, Message, error_reply
from bus.settings import BusSettings
from bus.subjects import Subjects
from bus.supervision import Household, Supervisor
from bus.trust.keyring import Keyring
from bus.trust.rights import Identity
from bus.wire import Handler, Wire

AsyncHandler = Callable[[Message], Awaitable[None]]

MOVE_S = 2.0
"""How long each step of going over to another server may take."""
SETTLE_LOOK_S = 0.05
RIPE_S = 0.25
"""How old a new inbox is before it is used: the other servers hear of it in milliseconds."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Subscription:
    """A standing wish to hear a subject; it outlives the connection it was made on."""

    bus: Bus
    subject: str
    queue: str
    handler: Handler
    sid: int = 0

    async def stop(self) -> None:
        """Hear it no longer."""
        self.bus._forget(self)

    async def drain(self) -> None:
        """Hear what the server had already sent, and then no more: nothing is lost between two servers of a queue."""
        if self.bus._wire is not None:
            self.bus._wire.unsubscribe(self.sid)
        try:
            await self.bus.flush()
        except Disconnected:
            log.debug("drained_without_a_connection", subject=self.subject)
        self.bus._forget(self)


class Bus:
    """The connection to NATS. Make one with `Bus.connect`, end it with `close`."""

    def __init__(
        self, settings: BusSettings, name: str, gather_s: float = 0.0, *, identity: Identity | None = None
    ) -> None:
        keyring = Keyring(settings, identity)
        self.settings = settings.model_copy(update={"credentials": keyring.path()})
        """As given; a further connection of this process is the same identity."""
        self.subjects = Subjects(settings.prefix)
        self.name = name
        self._not_inboxes = ("$", f"{settings.prefix}.")
        self.clock = Clock()
        """For waits of a second and more on this connection's loop."""
        self._inbox_root = keyring.login().inbox
        self._inbox = Inbox(self._fresh_prefix())
        self._subscriptions: list[Subscription] = [Subscription(self, self._inbox.subject, "", self._inbox.receive)]
        self._returned: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._wire: Wire | None = None
        household = Household(adopt=self._adopt, move=self._move, lost=self._lost, regained=self._regained)
        self._supervisor = Supervisor(settings, keyring, name, household, gather_s)

    # life ---------------------------------------------------------------------------------------------------------

    @classmethod
    async def connect(
        cls,
        settings: BusSettings,
        *,
        name: str = "omega",
        gather_s: float = 0.0,
        identity: Identity | None = None,
    ) -> Bus:
        """An open bus. Raises Disconnected when no server answers within `connect_timeout_s`, BadCredentials.

        `identity` is who this process is, where the settings name a folder with the credentials of several.
        `gather_s` is for a connection that only hears small messages nobody waits for: they are taken in together,
        at most so many seconds late.
        """
        bus = cls(settings, name, gather_s, identity=identity)
        await bus.open()
        return bus

    async def open(self) -> None:
        """Connect; for `connect`. Raises Disconnected."""
        await self._supervisor.open()
        self.open_later()

    def open_later(self) -> None:
        """Connect as soon as a server lets us in, however long that takes; until then nothing is heard or sent."""
        self.spawn(self._supervisor.hold())

    @property
    def connected(self) -> bool:
        return self._wire is not None and self._wire.is_connected

    @property
    def identified(self) -> bool:
        """Whether the servers let in only who proves who it is: a subject then tells who published on it."""
        return self._wire is not None and self._wire.demanding

    @property
    def waiting(self) -> int:
        """Requests whose answer is still awaited."""
        return len(self._inbox)

    def on_return(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each regained connection: what was missed meanwhile must be asked for."""
        self._returned.append(callback)

    async def close(self) -> None:
        """End it: what was published is sent first; who still waits for an answer is told."""
        await self._supervisor.close()
        self._inbox.fail(Disconnected("the connection was closed"))
        await self._end_tasks()

    async def _end_tasks(self) -> None:
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # publish, request ---------------------------------------------------------------------------------------------

    async def publish(self, subject: str, body: bytes, headers: Headers | None = None) -> None:
        """Send and forget, when the socket has room. Raises Disconnected (not sent), TooLarge.

        At once where there is no connection; after a few seconds where the server takes nothing.
        """
        wire = self._wire_now()
        await wire.room()
        wire.send(subject, body, "", headers)

    async def flush(self, timeout: float = 2.0) -> None:
        """Return once the server has seen all that was sent before. Raises Disconnected."""
        await self._wire_now().confirm(timeout)

    async def request(
        self, subject: str, body: bytes, *, headers: Headers | None = None, timeout: float = 2.0
    ) -> Message:
        """Send and await the one answer.

        Raises NoInstance (nobody listens: certainly not executed), DeadlineExceeded, Disconnected (not sent),
        OutcomeUnknown (sent, then the connection was lost), TooLarge, or the error the answer describes.
        """
        answer = Answer(self.clock, timeout, subject)
        reply = self._inbox.open(answer.deliver, subject)
        try:
            self._wire_now().send(subject, body, reply, headers)
            message = await answer.wait()
        finally:
            answer.close()
            self._inbox.close(reply)
        failure = message.failure(subject)
        if failure is not None:
            raise failure
        return message

    def open_reply(self, deliver: Deliver, subject: str = "") -> str:
        """A reply subject for a conversation of several frames about `subject`; end it with `close_reply`."""
        return self._inbox.open(deliver, subject)

    def close_reply(self, reply: str) -> None:
        self._inbox.close(reply)

    def send(self, subject: str, body: bytes, *, reply: str = "", headers: Headers | None = None) -> None:
        """As publish, without waiting for the socket; for answers and frames inside a handler."""
        self._wire_now().send(subject, body, reply, headers)

    # answer -------------------------------------------------------------------------------------------------------

    def respond(self, message: Message, body: bytes, headers: Headers | None = None, *, answer_to: str = "") -> None:
        """Answer a request; no effect where no answer is awaited or the connection is gone.

        `answer_to` is a reply subject of ours where the asker may answer in turn.
        """
        if not message.reply or message.reply.startswith(self._not_inboxes):
            return  # whoever asked may name any subject: none that we may publish and they may not
        try:
            self._wire_now().send(message.reply, body, answer_to, headers)
        except Disconnected:
            log.debug("answer_not_sent", subject=message.subject)

    def respond_error(self, message: Message, error: FederationError, more: Mapping[str, str] = EMPTY) -> None:
        """Answer a request with an error: ADR-32 headers, and the description in the form the request came in."""
        self.respond(message, *error_reply(message, error, more))

    # subscribe ----------------------------------------------------------------------------------------------------

    def listen(self, subject: str, handler: Handler, queue: str = "") -> Subscription:
        """Hand every message to the synchronous `handler` as it arrives, in order. It must not block."""
        subscription = Subscription(self, subject, queue, handler)
        self._subscriptions.append(subscription)
        if self._wire is not None:
            subscription.sid = self._wire.listen(subject, queue, handler)
        return subscription

    async def subscribe(self, subject: str, handler: AsyncHandler, queue: str = "") -> Subscription:
        """Run `handler` as a task of its own for every message. Returns once the server knows of it."""

        def start(message: Message) -> None:
            self.spawn(_guarded(handler, message))

        subscription = self.listen(subject, start, queue)
        await self.flush()
        return subscription

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` beside, owned by this bus: it is cancelled when the bus closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _forget(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
        if self._wire is not None:
            self._wire.unlisten(subscription.sid)

    # supervision --------------------------------------------------------------------------------------------------

    def _wire_now(self) -> Wire:
        if self._wire is None or not self._wire.is_connected:
            raise Disconnected(f"no connection to NATS at {self.settings.shown_url}")
        return self._wire

    def _adopt(self, wire: Wire) -> None:
        self._wire = wire
        wire.on_denied = self._inbox.deny
        for subscription in self._subscriptions:
            subscription.sid = wire.listen(subscription.subject, subscription.queue, subscription.handler)

    async def _move(self, wire: Wire) -> None:
        """Go over to `wire` while the old one still works. Raises Disconnected, and then nothing was changed.

        What several share is heard on both for a moment, and each message by one of them. What we hear alone would be
        heard twice: it is given up on the old one first.
        """
        if self._wire is None:
            raise Disconnected("the old connection ended before the new one was there")
        old, inbox, prefix = self._wire, self._subscriptions[0], self._fresh_prefix()
        shared = [one for one in self._subscriptions if one.queue]
        sids = {id(one): wire.listen(one.subject, one.queue, one.handler) for one in shared}
        answers = wire.listen(f"{prefix}.*", "", inbox.handler)
        await wire.confirm(MOVE_S)
        if shared:
            await self._introduce(old, wire, f"{prefix}.here")
        old_sids = [one.sid for one in self._subscriptions[1:]]
        alone = [one for one in self._subscriptions[1:] if id(one) not in sids]
        for one in self._subscriptions:
            one.sid = sids.get(id(one), one.sid)
        inbox.subject, inbox.sid = f"{prefix}.*", answers
        self._wire, old.on_end = wire, lambda _: None
        wire.on_denied = self._inbox.deny
        await self._give_up(old, old_sids)
        for one in shared:
            if one not in self._subscriptions:  # stopped meanwhile
                wire.unlisten(sids[id(one)])
        for one in alone:
            if one in self._subscriptions:
                one.sid = wire.listen(one.subject, one.queue, one.handler)
        # Also where the bus is closed before it took its first step.
        self.spawn(self._settle(old, prefix)).add_done_callback(lambda _: old.fall("given up"))

    async def _introduce(self, old: Wire, wire: Wire, subject: str) -> None:
        """Return when the old server knows what we listen to on the new one: it hands on what still comes to it.

        Others send to it until they, too, have heard of the change. Without this it would drop what they sent.
        """
        arrived = asyncio.Event()
        sid = wire.listen(subject, "", lambda _: arrived.set())
        with suppress(TimeoutError, Disconnected):
            async with asyncio.timeout(MOVE_S):
                while not arrived.is_set():
                    old.send(subject, b"")
                    await _within(SETTLE_LOOK_S, arrived)
        wire.unlisten(sid)

    async def _give_up(self, old: Wire, sids: list[int]) -> None:
        for sid in sids:
            old.unsubscribe(sid)
        try:
            await old.confirm(MOVE_S)
        except Disconnected as exc:
            log.debug("moved_in_haste", reason=exc.message)

    async def _settle(self, old: Wire, prefix: str) -> None:
        """Hear the answers that are still to come on the old connection, for as long as its server lets us.

        Questions ask for their answers on the new one only when every server had time to hear of that inbox.
        """
        await _within(RIPE_S, old.ended)
        before = self._inbox.renew(prefix)
        while self._inbox.awaits(before) and not await _within(SETTLE_LOOK_S, old.ended):
            pass
        self._inbox.fail(OutcomeUnknown("the server ended before the answer came"), f"{before}.")
        await old.leave(within=1)

    def _lost(self) -> None:
        self._wire = None
        self._inbox.fail(OutcomeUnknown("the connection was lost after the request was sent"))

    def _regained(self) -> None:
        for callback in self._returned:
            callback()

    def _fresh_prefix(self) -> str:
        return f"{self._inbox_root}.{uuid.uuid4().hex[:22]}"


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def _guarded(handler: AsyncHandler, message: Message) -> None:
    try:
        await handler(message)
    except Exception:
        log.exception("handler_failed", subject=message.subject)
