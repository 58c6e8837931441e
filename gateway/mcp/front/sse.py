"""An answer that becomes a stream of server-sent events only when there is something to say before the result.

Whoever produces writes without waiting; one task per begun stream hands the frames to the socket. What a client does
not read is bounded in bytes and in time, and a client over either bound is cut off.
"""

from __future__ import annotations

import asyncio
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


@dataclass(frozen=True, slots=True)
class _Begun:
    """What there is of a stream once it is one; most answers never are."""

    response: web.StreamResponse
    changed: asyncio.Event
    writer: asyncio.Task[None]


class EventStream:
    """The answer to one request, for the length of an `async with`; outside it nothing of it runs."""

    def __init__(self, request: web.Request, limits: StreamLimits, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._limits = limits
        self._frames: list[bytes] = []
        self._waiting_bytes = 0
        self._closed = False
        self._begun: _Begun | None = None
        self._timer: Timer | asyncio.TimerHandle | None = None

    async def __aenter__(self) -> EventStream:
        self._timer = self._clock.after(self._limits.silence_s, self.begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._begun is None:
            return
        if error is not None and self._request.transport is not None:
            self._request.transport.abort()  # a second answer must not follow into a stream that was begun
        if not self._begun.writer.done():
            self._begun.writer.cancel()
            await asyncio.gather(self._begun.writer, return_exceptions=True)

    @property
    def begun(self) -> bool:
        """Whether the answer is a stream by now; its status is then 200, whatever follows."""
        return self._begun is not None

    def begin(self) -> None:
        """Send the head, and keep the stream alive from now on."""
        self._stream()

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
        self._stream().changed.set()

    async def finish(self, message: bytes | None = None) -> web.StreamResponse:
        """Send the last message, if there is one, and end the stream. Returns when the client's socket took it all."""
        if message is not None:
            self._frames.append(frame(message))
        self._closed = True
        begun = self._stream()
        begun.changed.set()
        await begun.writer
        return begun.response

    def _stream(self) -> _Begun:
        """What there is of it, begun now where it was not."""
        if self._begun is None:
            response, changed = web.StreamResponse(headers=HEADERS), asyncio.Event()
            writer = asyncio.get_running_loop().create_task(self._write(response, changed))
            self._begun = _Begun(response, changed, writer)
        return self._begun

    async def _write(self, response: web.StreamResponse, changed: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout_s):
                await response.prepare(self._request)
            while not (self._closed and not self._frames):
                await self._hand_over(response, await self._next(changed))
            async with asyncio.timeout(self._limits.send_timeout_s):
                await response.write_eof()
        except TimeoutError:
            self._cut("client_reads_nothing", seconds=self._limits.send_timeout_s)
        except ConnectionError as exc:
            log.debug("client_gone", error=repr(exc))
            self._closed = True
            self._frames.clear()

    async def _next(self, changed: asyncio.Event) -> bytes:
        """Everything that waits; a comment when there was nothing for too long."""
        if not self._frames and not self._closed:
            try:
                async with asyncio.timeout(self._limits.silence_s):
                    await changed.wait()
            except TimeoutError:
                return KEEP_ALIVE
        changed.clear()
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
