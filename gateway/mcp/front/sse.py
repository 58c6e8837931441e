"""An answer that becomes a stream of server-sent events only when there is something to say before the result.

Whoever produces writes without waiting; one task per begun stream hands the frames to the socket. What a client does
not read is bounded in bytes and in time, and a client over either bound is cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType

import structlog
from aiohttp import web

from bus.clock import Clock, Timer

KEEP_ALIVE = b": ping\n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a stream may cost."""

    silence_s: float = 15.0
    """After so much silence the stream begins, and a comment is sent to keep what is between from closing it."""
    buffer_bytes: int = 1 << 20
    """Frames waiting for a client that reads slowly."""
    send_timeout_s: float = 30.0
    """How long the client may take to read what was handed to the socket."""


def frame(message: bytes) -> bytes:
    """One JSON-RPC message as an event. JSON on one line, as every writer here makes it, needs no splitting."""
    if b"\n" in message or b"\r" in message:
        message = b"\ndata: ".join(message.splitlines())
    return b"event: message\ndata: " + message + b"\n\n"


class EventStream:
    """The answer to one request, for the length of an `async with`; outside it nothing of it runs."""

    def __init__(self, request: web.Request, limits: StreamLimits, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._limits = limits
        self._frames: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self._closed = False
        self._writer: asyncio.Task[None] | None = None
        self._response: web.StreamResponse | None = None
        self._timer: Timer | asyncio.TimerHandle | None = None

    async def __aenter__(self) -> EventStream:
        self._timer = self._clock.after(self._limits.silence_s, self.begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if error is not None and self.begun and self._request.transport is not None:
            self._request.transport.abort()  # a second answer must not follow into a stream that was begun
        if self._writer is not None and not self._writer.done():
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    @property
    def begun(self) -> bool:
        """Whether the answer is a stream by now; its status is then 200, whatever follows."""
        return self._writer is not None

    def begin(self) -> None:
        """Send the head, and keep the stream alive from now on."""
        if self._writer is None:
            self._response = web.StreamResponse(headers=HEADERS)
            self._writer = asyncio.get_running_loop().create_task(self._write(self._response))

    def send(self, message: bytes) -> None:
        """Send one JSON-RPC message. A client that reads too slowly for it is cut off."""
        if self._closed:
            return
        event = frame(message)
        if self._waiting_bytes and self._waiting_bytes + len(event) > self._limits.buffer_bytes:
            self._cut("client_too_slow", waiting_bytes=self._waiting_bytes)
            return
        self._frames.append(event)
        self._waiting_bytes += len(event)
        self._changed.set()
        self.begin()

    async def finish(self, message: bytes | None = None) -> web.StreamResponse:
        """Send the last message, if there is one, and end the stream. Returns when the client's socket took it all."""
        if message is not None:
            self._frames.append(frame(message))
        self._closed = True
        self._changed.set()
        self.begin()
        assert self._writer is not None and self._response is not None
        await self._writer
        return self._response

    async def _write(self, response: web.StreamResponse) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout_s):
                await response.prepare(self._request)
            while not (self._closed and not self._frames):
                await self._hand_over(response, await self._next())
            async with asyncio.timeout(self._limits.send_timeout_s):
                await response.write_eof()
        except TimeoutError:
            self._cut("client_reads_nothing", seconds=self._limits.send_timeout_s)
        except ConnectionError as exc:
            log.debug("client_gone", error=repr(exc))
            self._closed = True
            self._frames.clear()

    async def _next(self) -> bytes:
        """Everything that waits; a comment when there was nothing for too long."""
        if not self._frames and not self._closed:
            try:
                async with asyncio.timeout(self._limits.silence_s):
                    await self._changed.wait()
            except TimeoutError:
                return KEEP_ALIVE
        self._changed.clear()
        waiting = b"".join(self._frames)
        self._frames.clear()
        self._waiting_bytes = 0
        return waiting

    async def _hand_over(self, response: web.StreamResponse, data: bytes) -> None:
        if not data:
            return
        async with asyncio.timeout(self._limits.send_timeout_s):
            await response.write(data)

    def _cut(self, event: str, **more: float) -> None:
        """Close the connection: aiohttp then cancels whoever works for this client."""
        self._closed = True
        self._frames.clear()
        log.warning(event, path=self._request.path[:200], **more)
        if self._request.transport is not None:
            self._request.transport.abort()
