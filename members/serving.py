"""The station where calls arrive: take or refuse, run beside each other, answer, stop when told.

A call over the limit is refused as "busy, not executed" before anything of it runs. A caller that asked for frames
hears `accepted` first, `alive` every second of silence, and the result last.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import count

import structlog

from bus import Bus, Instance, Message, codec, headers
from bus.calls import Frame
from bus.connection import Subscription
from bus.errors import Busy, DeadlineExceeded, FederationError, Internal, InvalidRequest, TooLarge
from bus.message import HeaderBlock, Headers, encode_headers
from bus.micro import Endpoint
from bus.names import UNSAFE_NAME
from members.kernel import Kernel
from members.settings import MemberSettings

ALIVE_S = 1.0
NOT_EXECUTED = {headers.EXECUTED: "no"}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Running:
    """A call being served."""

    message: Message
    number: int
    call_id: str
    tool: str
    framed: bool
    task: asyncio.Task[None] | None = None
    expired: bool = False
    spoken_at: float = field(default_factory=time.monotonic)


class CallStation:
    """Serves `omega.call.<member>.*` for one instance."""

    def __init__(self, bus: Bus, who: Instance, kernel: Kernel, settings: MemberSettings) -> None:
        self._bus = bus
        self._who = who
        self._kernel = kernel
        self._settings = settings
        self._running: dict[int, Running] = {}
        self._subscriptions: list[Subscription] = []
        self._numbers = count(1)
        self._ticker: asyncio.Task[None] | None = None
        self._heads = {frame: self._head(frame) for frame in Frame}
        self._idle = asyncio.Event()
        self._idle.set()
        subject = bus.subjects.calls_of(who.member)
        self.endpoint = Endpoint("call", subject, queue_group=who.member)

    @property
    def in_flight(self) -> int:
        return len(self._running)

    @property
    def load(self) -> float:
        """Share of the limit in use, 0 to 1."""
        return len(self._running) / self._settings.limit

    async def start(self) -> None:
        """Take calls. Returns once the server knows of the subscriptions."""
        subjects = self._bus.subjects
        listen = self._bus.listen
        self._subscriptions = [
            listen(subjects.calls_of(self._who.member), self._take, queue=self._who.member),
            listen(subjects.cancel(self._who), self._cancel),
            listen(subjects.ping(self._who), lambda ping: self._bus.respond(ping, b"{}")),
        ]
        self._ticker = self._bus.spawn(self._keep_callers_informed())
        await self._bus.flush()

    async def drain(self) -> None:
        """Take no more calls, and return when those in flight ended or `drain_s` is over."""
        if self._subscriptions:
            await self._subscriptions[0].stop()
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("drain_cut_short", in_flight=self.in_flight)
        for running in list(self._running.values()):
            if running.task is not None:
                running.task.cancel()
        if self._ticker is not None:
            self._ticker.cancel()
        for subscription in self._subscriptions[1:]:
            await subscription.stop()

    # arriving -----------------------------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        if len(self._running) >= self._settings.limit:
            self._refuse_busy(message)
            return
        number = next(self._numbers)
        named = self._bus.subjects.last_token(message.subject)
        running = Running(
            message,
            number,
            call_id=message.headers.get(headers.CALL_ID, ""),
            tool=message.headers.get(headers.MCP_NAME, named) if named == UNSAFE_NAME else named,
            framed=message.headers.get(headers.STREAM) == "1",
        )
        self._running[number] = running
        self._idle.clear()
        running.task = asyncio.get_running_loop().create_task(self._serve(running))

    def _refuse_busy(self, message: Message) -> None:
        limit = self._settings.limit
        busy = Busy(f"all {limit} slots are taken; not executed", details={"limit": limit})
        self._bus.respond_error(message, busy, NOT_EXECUTED)
        self.endpoint.count(time.perf_counter(), busy.code)

    def _cancel(self, message: Message) -> None:
        call_id = message.data.decode("utf-8", "replace")
        for running in self._running.values():
            if running.call_id == call_id and running.task is not None:
                running.task.cancel()

    # running ------------------------------------------------------------------------------------------------------

    async def _serve(self, running: Running) -> None:
        started = time.perf_counter()
        error = ""
        try:
            self._say(running, Frame.ACCEPTED)
            self._finish(running, await self._result(running))
        except FederationError as exc:
            error = exc.code
            self._refuse(running, exc)
        except Exception:
            error = Internal.code
            log.exception("call_failed", tool=running.tool)
            self._refuse(running, Internal())
        finally:
            self.endpoint.count(started, error)
            self._ended(running)

    def _ended(self, running: Running) -> None:
        self._running.pop(running.number, None)
        if not self._running:
            self._idle.set()

    async def _result(self, running: Running) -> bytes:
        seconds = self._allowed(running.message)
        arguments = codec.decode_object(running.message.data, running.message.form)
        timer = asyncio.get_running_loop().call_later(seconds, self._expire, running)
        try:
            return await self._kernel.call(
                running.tool, arguments, running.call_id, lambda event: self._say(running, Frame.EVENT, event)
            )
        except asyncio.CancelledError as exc:
            if not running.expired:
                raise
            raise DeadlineExceeded(f"{running.tool}: stopped after {seconds:g} s") from exc
        finally:
            timer.cancel()

    def _expire(self, running: Running) -> None:
        running.expired = True
        if running.task is not None:
            running.task.cancel()

    def _allowed(self, message: Message) -> float:
        """Seconds this call may run. Raises InvalidRequest, or DeadlineExceeded when they are already over."""
        asked = message.headers.get(headers.TIMEOUT_MS)
        if asked is None:
            return self._settings.max_call_s
        try:
            seconds = int(asked) / 1000
        except ValueError as exc:
            raise InvalidRequest(f"{headers.TIMEOUT_MS}: whole milliseconds, not {asked[:40]!r}") from exc
        if seconds <= 0:
            raise DeadlineExceeded("the deadline was over before the tool was started")
        return min(seconds, self._settings.max_call_s)

    # answering ----------------------------------------------------------------------------------------------------

    def _say(self, running: Running, frame: Frame, body: bytes = b"") -> None:
        if running.framed:
            running.spoken_at = time.monotonic()
            self._bus.respond(running.message, body, self._heads[frame])

    def _finish(self, running: Running, result: bytes) -> None:
        head: Headers = self._heads[Frame.RESULT]
        form = running.message.form
        if form != codec.JSON:
            result = codec.encode(codec.decode(result, max_depth=256), form)
            head = self._head(Frame.RESULT, form)
        try:
            self._bus.respond(running.message, result, head)
        except TooLarge as exc:
            raise TooLarge(f"{running.tool}: the result is too large: {exc.message}", details=exc.details) from exc

    def _head(self, frame: Frame, form: str = codec.JSON) -> HeaderBlock:
        sent = {headers.FRAME: frame.value, headers.INSTANCE: self._who.instance, headers.CONTENT_TYPE: form}
        return HeaderBlock(encode_headers(sent))

    def _refuse(self, running: Running, error: FederationError) -> None:
        more = {headers.FRAME: Frame.RESULT.value, headers.INSTANCE: self._who.instance}
        self._bus.respond_error(running.message, error, more)

    async def _keep_callers_informed(self) -> None:
        """One clock for all calls: say `alive` where nothing was said for a second."""
        while True:
            await asyncio.sleep(ALIVE_S / 2)
            now = time.monotonic()
            for running in list(self._running.values()):
                if running.framed and now - running.spoken_at >= ALIVE_S:
                    self._say(running, Frame.ALIVE)
