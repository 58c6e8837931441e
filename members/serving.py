"""The station where calls arrive: take or refuse, run beside each other, answer, stop when told.

A call over the limit is refused as "busy, not executed" before anything of it runs. A caller that asked for frames
hears `accepted` first, `alive` every second of silence, and the result last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count

import structlog

from bus import Bus, Instance, Message, codec, headers
from bus.connection import Subscription
from bus.errors import Busy, DeadlineExceeded, FederationError, Internal, InvalidRequest
from bus.micro import Endpoint
from bus.names import ANY_INSTANCE, UNSAFE_NAME
from members.answering import Answering, Reply, Running
from members.identity import called_for
from members.kernel import Kernel
from members.rpc import Rpc
from members.settings import MemberSettings

Work = Callable[[Running], Awaitable[Reply]]

QUIET_S = 0.5
"""An instance that left ends when nobody chose it for so long: the time the news takes to every gateway, and more."""
LINGER_S = 3.0
"""But no later than this."""

log = structlog.get_logger(__name__)


class CallStation:
    """Serves plain calls and MCP requests for one instance."""

    def __init__(self, bus: Bus, who: Instance, kernel: Kernel, rpc: Rpc, settings: MemberSettings) -> None:
        self._bus = bus
        self._who = who
        self._kernel = kernel
        self._rpc = rpc
        self._settings = settings
        self._answering = Answering(bus, who, settings)
        self._running: dict[int, Running] = {}
        self._subscriptions: list[Subscription] = []
        self._streams = 0
        self._numbers = count(1)
        self._named_at = 0.0
        """When a caller last chose this instance, on the monotonic clock."""
        self._ticker: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.calls = Endpoint("call", bus.subjects.calls_of(who.member), queue_group=who.member)
        self.mcp = Endpoint("mcp", bus.subjects.mcp_of(who.member, ANY_INSTANCE), queue_group=who.member)

    @property
    def in_flight(self) -> int:
        """Calls being worked on; streams that only wait are not among them."""
        return len(self._running) - self._streams

    @property
    def load(self) -> float:
        """Share of the limit in use, 0 to 1."""
        return self.in_flight / self._settings.limit

    async def start(self) -> None:
        """Take calls. Returns once the server knows of the subscriptions."""
        subjects, who, listen = self._bus.subjects, self._who, self._bus.listen
        self._subscriptions = [
            listen(self.calls.subject, self._take_call, queue=who.member),
            listen(self.mcp.subject, self._take_request, queue=who.member),
            # A queue of one is heard without a gap while the bus goes over to another server.
            listen(subjects.calls_at(who), partial(self._take_call, named=True), who.instance),
            listen(subjects.mcp_of(who.member, who.instance), partial(self._take_request, named=True), who.instance),
            listen(subjects.cancel(who), self._cancel),
            listen(subjects.ping(who), lambda ping: self._bus.respond(ping, b"{}"), who.instance),
        ]
        self._ticker = self._bus.spawn(self._answering.keep_informed(self._running))
        await self._bus.flush()

    async def drain(self) -> None:
        """Take no more calls, and return when those in flight ended or `drain_s` is over."""
        shared, own = self._subscriptions[:2], self._subscriptions[2:4]
        for subscription in shared:
            await subscription.drain()
        await self._hear_the_last_of_those_who_knew_us()
        for subscription in own:
            await subscription.drain()
        for running in list(self._running.values()):
            if running.lasting and running.task is not None:
                running.task.cancel()  # a stream without an end would outlast any drain
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
        for subscription in self._subscriptions[4:]:
            await subscription.stop()

    async def _hear_the_last_of_those_who_knew_us(self) -> None:
        """Callers that chose this instance learn that it left a little later than it does.

        What they sent to a shared subject is handed on to others; a call to this instance alone would be lost, and
        nobody could say whether it ran.
        """
        give_up = time.monotonic() + LINGER_S
        while True:
            quiet_in = min(give_up, self._named_at + QUIET_S) - time.monotonic()
            if quiet_in <= 0:
                return
            await asyncio.sleep(quiet_in)

    # arriving -----------------------------------------------------------------------------------------------------

    def _take_call(self, message: Message, named: bool = False) -> None:
        last = self._bus.subjects.last_token(message.subject)
        tool = message.headers.get(headers.MCP_NAME, last) if last == UNSAFE_NAME else last
        self._take(Running(message, next(self._numbers), tool, named), self.calls, self._call)

    def _take_request(self, message: Message, named: bool = False) -> None:
        method = self._bus.subjects.mcp_tail(message.subject).rpartition(".")[0].replace(".", "/")
        self._take(Running(message, next(self._numbers), method, named), self.mcp, self._request)

    def _take(self, running: Running, endpoint: Endpoint, work: Work) -> None:
        if running.named:
            self._named_at = time.monotonic()
        taken, limit = self._taken(running)
        if taken >= limit:
            busy = Busy(f"all {limit} slots are taken; not executed", details={"limit": limit})
            self._answering.refuse_unstarted(running.message, busy)
            endpoint.count(time.perf_counter(), busy.code)
            return
        self._running[running.number] = running
        self._streams += running.lasting
        self._idle.clear()
        running.task = asyncio.get_running_loop().create_task(self._serve(running, endpoint, work))

    def _taken(self, running: Running) -> tuple[int, int]:
        """Slots in use of the kind that `running` needs, and how many there are: a stream waits, a call works."""
        if running.lasting:
            return self._streams, self._settings.max_streams
        return self.in_flight, self._settings.limit

    def _cancel(self, message: Message) -> None:
        call_id = message.data.decode("utf-8", "replace")
        for running in self._running.values():
            if running.call_id == call_id and running.task is not None:
                running.task.cancel()

    # running ------------------------------------------------------------------------------------------------------

    async def _serve(self, running: Running, endpoint: Endpoint, work: Work) -> None:
        started = time.perf_counter()
        error = ""
        called_for(running.message.headers)
        try:
            running.seconds = self._allowed(running)
            await self._answering.accept(running)
            await self._answering.finish(running, await self._in_time(running, work))
        except FederationError as exc:
            error = exc.code
            self._answering.refuse(running, exc)
        except Exception:
            error = Internal.code
            log.exception("call_failed", call=running.label)
            self._answering.refuse(running, Internal())
        finally:
            endpoint.count(started, error)
            del self._running[running.number]
            self._streams -= running.lasting
            if not self._running:
                self._idle.set()

    async def _in_time(self, running: Running, work: Work) -> Reply:
        if running.seconds is None:
            return await work(running)
        timer = self._bus.clock.after(running.seconds, running.expire)
        try:
            return await work(running)
        except asyncio.CancelledError as exc:
            if not running.expired:
                raise
            raise DeadlineExceeded(f"{running.label}: stopped after {running.seconds:g} s") from exc
        finally:
            timer.cancel()

    async def _call(self, running: Running) -> Reply:
        message = running.message
        arguments = codec.decode_object(running.body, message.form)
        result = await self._kernel.call(running.label, arguments, running.call_id, self._answering.notifier(running))
        if message.form != codec.JSON:
            result = codec.encode(codec.decode(result, max_depth=256), message.form)
        return Reply(result, message.form)

    async def _request(self, running: Running) -> Reply:
        message = running.message
        whole = Message(message.subject, running.body, message.headers, message.reply)
        tail = self._bus.subjects.mcp_tail(message.subject)
        answer = await self._rpc.answer(whole, tail, self._answering.notifier(running))
        return Reply(answer.body, error_code=answer.error_code)

    def _allowed(self, running: Running) -> float | None:
        """Seconds this call may run. Raises InvalidRequest, or DeadlineExceeded when they are already over.

        None: a framed request without a deadline is a stream; it ends when its caller goes away.
        """
        asked = running.message.headers.get(headers.TIMEOUT_MS)
        if asked is None:
            return None if running.lasting else self._settings.max_call_s
        try:
            seconds = int(asked) / 1000
        except (ValueError, OverflowError) as exc:
            raise InvalidRequest(f"{headers.TIMEOUT_MS}: whole milliseconds, not {asked[:40]!r}") from exc
        if seconds <= 0:
            raise DeadlineExceeded("the deadline was over before the tool was started")
        return min(seconds, self._settings.max_call_s)
