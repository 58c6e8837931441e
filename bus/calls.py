"""A call from the caller's side: frames in, one result out.

A call is sent, accepted (an instance said so), and answered or given up. Silence is not death: a caller that hears
nothing for `SILENCE_S` asks the server whether the instance is still there (`omega.ping`), and only "nobody listens"
ends the call early.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from math import inf
from typing import NamedTuple

import orjson
import structlog

from bus import headers
from bus.chunks import Assembly, announced, pieces, send_pieces
from bus.clock import Timer
from bus.connection import Bus
from bus.errors import (
    DeadlineExceeded,
    FederationError,
    Internal,
    Malformed,
    MemberLost,
    NoInstance,
    TooLarge,
    UnknownMember,
)
from bus.message import EMPTY, Message
from bus.names import is_id
from bus.retry import for_the_next_hop
from bus.subjects import Instance

SILENCE_S = 2.0
"""A member sends `alive` every second; twice that without any frame is a reason to ask."""
PROBE_S = 1.0
MAX_BODY = 16 << 20
"""Bytes of arguments or of a result, unless a setting says otherwise."""

log = structlog.get_logger(__name__)


class Frame(StrEnum):
    """What a message of a call is, in its `Omega-Frame` header."""

    ACCEPTED = "accepted"
    EVENT = "event"
    ALIVE = "alive"
    CHUNK = "chunk"
    RESULT = "result"


class CallOptions(NamedTuple):
    """How a call is made."""

    timeout: float | None = 30.0
    """Seconds until the caller gives up; the member learns it and stops too. None: a stream that lasts as it likes."""
    on_event: Callable[[bytes], None] | None = None
    """Takes each MCP notification (progress, log) as JSON bytes, in order."""
    headers: Mapping[str, str] = EMPTY
    max_result: int = MAX_BODY
    """A result above so many bytes is refused."""
    safe: bool = False
    """It may run twice: where an instance dies in the middle, it is sent to another."""


class Target(NamedTuple):
    """Where a call goes."""

    member: str
    subject: str
    label: str
    """What messages call it: `member/tool`."""
    instance: Instance | None = None
    """Whose subject it is; None: whichever instance the bus chooses."""


class Call:
    """One call in flight. `run` sends it and returns the result message."""

    def __init__(
        self, bus: Bus, target: Target, options: CallOptions, on_mute: Callable[[], None] = lambda: None
    ) -> None:
        """`on_mute` is called when the instance has said nothing for so long that it was asked, and did not answer."""
        self.id = ""
        """Its reply subject: no other call of any connection has it."""
        self.instance = target.instance
        self._bus = bus
        self._target = target
        self._options = options
        self._on_mute = on_mute
        loop = self._loop = bus.clock.loop
        self._result: asyncio.Future[Message] = loop.create_future()
        self._assembly: Assembly | None = None
        self._upload = b""
        self._withdrawn = False
        self._heard = loop.time()
        self._ends = self._heard + options.timeout if options.timeout else inf
        self._watch = self._look_later(self._heard)

    async def run(self, body: bytes) -> Message:
        """The result. Raises what the member answered, NoInstance, DeadlineExceeded, MemberLost, Disconnected.

        Cancelling the task that awaits it cancels the call at the member.
        """
        reply = self.id = self._bus.open_reply(self._deliver, self._target.subject)
        try:
            self._send(body, reply)
            return await self._result
        except (asyncio.CancelledError, DeadlineExceeded, TooLarge):
            self._withdraw(reply)
            raise
        finally:
            self._watch.cancel()
            if not self._withdrawn:
                self._bus.close_reply(reply)

    def _send(self, body: bytes, reply: str) -> None:
        sent = {headers.STREAM: "1", headers.CALL_ID: self.id}
        if self._options.timeout is not None:
            sent[headers.TIMEOUT_MS] = str(int(for_the_next_hop(self._options.timeout) * 1000))
        sent.update(self._options.headers)
        if count := pieces(len(body)):
            sent[headers.CHUNKS] = str(count)
            self._upload, body = body, b""
        self._bus.send(self._target.subject, body, reply=reply, headers=sent)

    # what arrives -------------------------------------------------------------------------------------------------

    def _deliver(self, message: Message | FederationError) -> None:
        self._heard = self._loop.time()
        if isinstance(message, FederationError):
            self._fail(message)
            return
        frame = message.headers.get(headers.FRAME, Frame.RESULT)
        if frame == Frame.RESULT:
            self._finish(message)
        elif frame == Frame.ACCEPTED:
            self._accepted(message)
        elif frame == Frame.EVENT:
            self._tell(message.data)
        elif frame == Frame.CHUNK:
            self._take_piece(message)
        elif frame == Frame.ALIVE:
            self._bus.respond(message, b"")

    def _accepted(self, message: Message) -> None:
        instance = message.headers.get(headers.INSTANCE, "")
        if not is_id(instance):
            log.debug("accepted_by_nobody", call=self._target.label)
            return
        self.instance = Instance(self._target.member, instance)
        if self._withdrawn:
            self._cancel_at(self.instance)
        elif self._upload and message.reply:
            self._bus.spawn(self._send_body(message.reply))

    async def _send_body(self, subject: str) -> None:
        try:
            await send_pieces(self._bus, subject, self._upload, {})
        except* FederationError as group:
            self._fail(MemberLost(f"{self._target.label}: the body was not taken: {group.exceptions[0]}"))

    def _tell(self, notification: bytes) -> None:
        if self._options.on_event is not None and not self._result.done():
            self._options.on_event(notification)

    def _take_piece(self, message: Message) -> None:
        if self._result.done():
            return
        try:
            self._arriving().add(message)
        except FederationError as exc:
            self._fail(self._blamed(exc))
        else:
            self._bus.respond(message, b"")

    def _arriving(self) -> Assembly:
        """The pieces of the result; most results come whole."""
        if self._assembly is None:
            self._assembly = Assembly(self._options.max_result)
        return self._assembly

    def _finish(self, message: Message) -> None:
        failure = message.failure(self._target.label)
        if failure is not None:
            self._fail(self._in_our_time(failure))
            return
        try:
            if count := announced(message, self._options.max_result):
                body = self._arriving().body(count)
                message = Message(message.subject, body, message.headers, message.reply)
        except FederationError as exc:
            self._fail(self._blamed(exc))
            return
        if not self._result.done():
            self._result.set_result(message)

    def _in_our_time(self, error: FederationError) -> FederationError:
        """The member stops a little before its caller gives up; what it says is told by the caller's own limit."""
        if isinstance(error, DeadlineExceeded) and self._options.timeout is not None:
            return DeadlineExceeded(f"{self._target.label}: stopped, its {self._options.timeout:g} s were over")
        return error

    def _blamed(self, error: FederationError) -> FederationError:
        """What was wrong with the answer is no fault of the request."""
        if isinstance(error, Malformed):
            return Internal(f"{self._target.label}: the member's answer cannot be read: {error.message}")
        return error

    def _fail(self, error: FederationError) -> None:
        if not self._result.done():
            self._result.set_exception(error)

    # what does not arrive -----------------------------------------------------------------------------------------

    def _look_later(self, now: float) -> Timer | asyncio.TimerHandle:
        """One timer for both: the deadline, and the next moment at which silence would be a reason to ask."""
        return self._bus.clock.after(min(self._ends, self._heard + SILENCE_S) - now, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if now >= self._ends:
            self._fail(DeadlineExceeded(f"{self._target.label}: no result within {self._options.timeout:g} s"))
        elif now - self._heard < SILENCE_S:
            self._watch = self._look_later(now)
        else:
            self._heard = now  # the next look is a whole silence away
            self._watch = self._look_later(now)
            self._bus.spawn(self._probe())

    async def _probe(self) -> None:
        """Ask whether the instance is there; only "it is not" is an answer that ends the call."""
        try:
            await (self._ask_instance(self.instance) if self.instance else self._ask_directory())
        except MemberLost as exc:
            self._fail(exc)
        except FederationError as exc:
            log.debug("probe_unanswered", call=self._target.label, error=exc.code)

    async def _ask_instance(self, instance: Instance) -> None:
        try:
            await self._bus.request(self._bus.subjects.ping(instance), b"", timeout=PROBE_S)
        except NoInstance as exc:
            raise MemberLost(f"{self._target.label}: instance {instance.instance} died during the call") from exc
        except DeadlineExceeded:
            self._on_mute()
            raise

    async def _ask_directory(self) -> None:
        """Nobody has said that it took the call: is there anybody of that name left who could?"""
        query = orjson.dumps({"id": self._target.member})
        try:
            await self._bus.request(self._bus.subjects.directory("server"), query, timeout=PROBE_S)
        except UnknownMember as exc:
            raise MemberLost(f"{self._target.label}: the member left, and nobody took the call") from exc

    def _withdraw(self, reply: str) -> None:
        """Stop the tool. Where no instance has accepted yet, wait a little for the one that will."""
        if self.instance is not None:
            self._cancel_at(self.instance)
            return
        self._withdrawn = True
        self._bus.clock.after(SILENCE_S, lambda: self._bus.close_reply(reply))

    def _cancel_at(self, instance: Instance) -> None:
        try:
            self._bus.send(self._bus.subjects.cancel(instance), self.id.encode())
        except FederationError as exc:
            log.debug("cancel_not_sent", error=exc.code)
