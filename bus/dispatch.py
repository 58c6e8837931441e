"""The station from which calls go out: to which instance, how often, and when not at all.

A caller that calls the same members again and again (a gateway) hears their heartbeats and sends each call to the less
loaded of two instances. What was certainly not executed is sent elsewhere; a member that fails call after call is left
alone for a while; and no member can have more than its share of this caller's calls.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from bus import codec, headers
from bus.breaker import Breaker, Verdict
from bus.calls import Call, CallOptions, Target
from bus.connection import Bus, Subscription
from bus.errors import (
    Busy,
    DeadlineExceeded,
    Disconnected,
    FederationError,
    MemberFailing,
    MemberLost,
    NoInstance,
    OutcomeUnknown,
)
from bus.message import Message
from bus.messages import Heartbeat
from bus.retry import may_repeat, told
from bus.routes import Known, Routes
from bus.subjects import Instance
from bus.validation import validated

log = structlog.get_logger(__name__)


class Wanted(NamedTuple):
    """A call before it is known where it goes."""

    member: str
    label: str
    """What messages call it: `member/tool`."""
    subject: Callable[[str | None], str]
    """Where it is sent, for an instance or (None) for whichever the bus chooses."""
    tool: str | None = None
    """The tool that is called, for a tool call."""
    safe: bool = False
    """It may run twice."""
    pinned: str | None = None
    """The one instance that is meant; no other will do."""


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """How a caller spreads its calls."""

    listen: bool = False
    """Hear the heartbeats of the members that are called, and send by load. For callers that live on; without it the
    bus chooses an instance at random."""
    site: str | None = None
    """Only instances of this site are chosen by load; the bus finds those of other sites where this has none."""
    most_members: int = 1_000
    """Members heard at once; one more, and the one called longest ago is forgotten."""
    most_calls: int = 1_000
    """Calls to one member in flight at once. More are refused: a member that hangs must not have all there is."""
    patient_s: float = 5.0
    """A call that was given up counts against its member only if its caller waited at least so long."""


@dataclass(slots=True)
class _Line:
    """One member as this caller sees it."""

    breaker: Breaker
    in_flight: int = 0
    hearing: Subscription | None = None


class Dispatch:
    """Sends the calls of one `Bus`."""

    def __init__(
        self,
        bus: Bus,
        settings: DispatchSettings | None = None,
        may_run_twice: Callable[[str, str], bool] = lambda _member, _tool: False,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`may_run_twice` tells whether a member's tool is declared read-only or idempotent."""
        self.routes = Routes()
        self._may_run_twice = may_run_twice
        self._bus = bus
        self._settings = settings or DispatchSettings()
        self._draw = draw
        self._lines: OrderedDict[str, _Line] = OrderedDict()

    def __len__(self) -> int:
        """Members it knows."""
        return len(self._lines)

    async def run(self, wanted: Wanted, body: bytes, options: CallOptions) -> Message:
        """The result. Raises what the call raises, Busy (too many for this member), MemberFailing.

        Cancelling the task that awaits it cancels the call at the member.
        """
        line, now = self._line(wanted.member), self._now()
        if options.timeout is None or wanted.pinned is not None:
            return await self._send(wanted, self._pinned(wanted, options), body, options)
        self._admit(line, wanted.member, now)
        line.in_flight += 1
        try:
            result = await self._attempts(wanted, body, options, now)
        except BaseException as exc:
            self._note(line.breaker, exc, options.timeout)
            raise
        finally:
            line.in_flight -= 1
        line.breaker.succeeded()
        return result

    def _now(self) -> float:
        return self._bus.clock.loop.time()

    # one call -----------------------------------------------------------------------------------------------------

    async def _attempts(self, wanted: Wanted, body: bytes, options: CallOptions, now: float) -> Message:
        ends = now + (options.timeout or 0)
        tried: list[str] = []
        attempt = 1
        failure: FederationError | None = None
        while True:
            known = self.routes.choose(wanted.member, now, self._draw, tried)
            try:
                return await self._send(wanted, known, body, options)
            except FederationError as exc:
                now = self._now()
                left = ends - now
                failure = told(exc, failure)
                if not self._again(wanted, known, exc, attempt, left):
                    raise failure from exc.__cause__
                log.debug("sent_again", call=wanted.label, after=exc.code, attempt=attempt)
            attempt += 1
            if known is not None:
                tried.append(known.who.instance)
            options = options._replace(timeout=left, headers={**options.headers, headers.ATTEMPT: str(attempt)})

    def _pinned(self, wanted: Wanted, options: CallOptions) -> Known | None:
        """What is known of the one instance that is meant; None for a stream, which waits and is nobody's load."""
        if wanted.pinned is None or options.timeout is None:
            return None
        return self.routes.instance(Instance(wanted.member, wanted.pinned))

    def _send(self, wanted: Wanted, known: Known | None, body: bytes, options: CallOptions) -> Awaitable[Message]:
        """Sent to a known instance; else to the one that is meant, or to whichever the bus chooses."""
        if known is None:
            who = Instance(wanted.member, wanted.pinned) if wanted.pinned is not None else None
            target = Target(wanted.member, wanted.subject(wanted.pinned), wanted.label, who)
            return Call(self._bus, target, options).run(body)
        target = Target(wanted.member, wanted.subject(known.who.instance), wanted.label, known.who)
        return self._as_load_of(known, Call(self._bus, target, options, known.fell_mute).run(body))

    async def _as_load_of(self, known: Known, call: Awaitable[Message]) -> Message:
        known.ours += 1
        try:
            return await call
        except FederationError as exc:
            self._learn(known, exc)
            raise
        finally:
            known.ours -= 1

    def _learn(self, known: Known, error: FederationError) -> None:
        if isinstance(error, Busy):
            known.full(self._now())
        elif isinstance(error, NoInstance | MemberLost):
            self.routes.gone(known.who)

    def _again(self, wanted: Wanted, known: Known | None, error: FederationError, attempt: int, left: float) -> bool:
        """Whether to send once more: where the bus itself found nobody, there is nowhere else."""
        if known is None and isinstance(error, NoInstance):
            return False
        safe = wanted.safe or (wanted.tool is not None and self._may_run_twice(wanted.member, wanted.tool))
        return may_repeat(error, attempt=attempt, safe=safe, left=left)

    # members ------------------------------------------------------------------------------------------------------

    def _line(self, member: str) -> _Line:
        line = self._lines.get(member)
        if line is None:
            line = self._lines[member] = _Line(Breaker())
            if self._settings.listen:
                line.hearing = self._bus.listen(self._bus.subjects.heartbeats_of(member), self._heard)
            self._forget_the_oldest()
        self._lines.move_to_end(member)
        return line

    def _forget_the_oldest(self) -> None:
        while len(self._lines) > self._settings.most_members:
            member, line = next(iter(self._lines.items()))
            if line.in_flight:
                self._lines.move_to_end(member)
                return
            del self._lines[member]
            self.routes.forget(member)
            if line.hearing is not None:
                self._bus.spawn(line.hearing.stop())

    def _heard(self, message: Message) -> None:
        who = self._bus.subjects.who(message.subject)
        if who is None:
            return
        try:
            beat = validated(Heartbeat, codec.decode_object(message.data) if message.data else {})
        except FederationError as exc:
            log.debug("heartbeat_not_read", subject=message.subject, error=exc.code)
            return
        if beat.site == self._settings.site:
            self.routes.heard(who, beat, self._now())

    def _admit(self, line: _Line, member: str, now: float) -> None:
        most = self._settings.most_calls
        if line.in_flight >= most:
            raise Busy(f"{most} calls to {member} are in flight here; not executed", details={"limit": most})
        if line.breaker.ask(now) is Verdict.REFUSE:
            seconds = line.breaker.seconds_left(now)
            raise MemberFailing(
                f"{member}: call after call failed; not executed, tried again in {seconds:.1f} s",
                details={"failures": line.breaker.failures, "seconds": round(seconds, 1)},
            )

    def _note(self, breaker: Breaker, failure: BaseException, timeout: float | None) -> None:
        patient = timeout is not None and timeout >= self._settings.patient_s
        if _answered(failure):
            breaker.succeeded()
        elif isinstance(failure, MemberLost) or (patient and isinstance(failure, DeadlineExceeded)):
            breaker.failed(self._now())
        else:
            breaker.untold()


def _answered(failure: BaseException) -> bool:
    """Whether the failure is the member's own answer."""
    told_by_us = (NoInstance, Disconnected, OutcomeUnknown, DeadlineExceeded, MemberLost)
    return isinstance(failure, FederationError) and not isinstance(failure, told_by_us)
