"""nats-py's client with its known faults mended, and a shorter way in and out.

* a late PONG no longer kills the read loop (a "zombie" that looks connected and hears nothing);
* any failure of the read loop reconnects instead of ending it in silence;
* what was written while the connection was down is thrown away: a call is never executed after its caller gave up;
* messages go to a synchronous handler straight from the read loop (no queue, no task per subscription), and
  publishes go to the write buffer without a coroutine. Both matter at tens of thousands of messages a second.

Only `bus.connection` uses this class. It overrides names that nats-py keeps to itself; the version is pinned and
`tests/unit/bus/test_wire.py` fails when they move.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import structlog
from nats.aio.client import Client, Server
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.protocol.parser import Parser

from bus.errors import Disconnected, InvalidRequest, TooLarge
from bus.message import Headers, Message, encode_headers, parse_headers

Handler = Callable[[Message], None]
_CRLF = b"\r\n"
_CONTROL_ALLOWANCE = 512
"""Bytes kept free below `max_payload`: the server counts headers too, and closes the connection above it."""

log = structlog.get_logger(__name__)


class Wire(Client):
    """One TCP connection's worth of NATS. Not for use outside `bus.connection`."""

    def __init__(
        self, *, max_backoff_s: float, gather_s: float = 0.0, jitter: Callable[[], float] = random.random
    ) -> None:
        """`gather_s`: after each read, leave what comes next to the kernel for so long, and take it all at once."""
        super().__init__()
        if gather_s:
            self._ps = GatheringParser(self, gather_s)
        self._handlers: dict[int, Handler] = {}
        self._max_backoff_s = max_backoff_s
        self._jitter = jitter

    # out ----------------------------------------------------------------------------------------------------------

    def send(self, subject: str, body: bytes, reply: str = "", headers: Headers | None = None) -> None:
        """Put a publish into the write buffer. Raises Disconnected (nothing is kept for later), TooLarge."""
        if not self.is_connected:
            raise Disconnected()
        block = encode_headers(headers)
        self._check_size(len(body) + len(block))
        self._write(_publish_command(subject, reply, block, body))

    def backlog(self) -> int:
        """Bytes written and not yet handed to the socket."""
        return int(self._pending_data_size)

    async def drained(self) -> None:
        """Return once the write buffer went to the socket (or the connection is gone)."""
        await self._flush_pending(force_flush=True)

    def _write(self, command: bytes) -> None:
        self._pending.append(command)
        self._pending_data_size += len(command)
        if self._flush_queue is not None and self._flush_queue.empty():
            self._flush_queue.put_nowait(asyncio.get_running_loop().create_future())

    def _check_size(self, size: int) -> None:
        limit = self.max_payload - _CONTROL_ALLOWANCE
        if size > limit:
            raise TooLarge(f"message: {size} bytes with its headers, the bus carries {limit}", details={"limit": limit})

    # in -----------------------------------------------------------------------------------------------------------

    def listen(self, subject: str, queue: str, handler: Handler) -> int:
        """Hand every message on `subject` to `handler`, at once and in order. The number ends it (`unlisten`)."""
        self._sid += 1
        sid: int = self._sid
        # nats-py replays what is in `_subs` after a reconnect; an unstarted Subscription is only that entry.
        self._subs[sid] = Subscription(self, sid, subject, queue=queue)
        self._handlers[sid] = handler
        self._write(f"SUB {subject} {queue} {sid}\r\n".encode())
        return sid

    def unsubscribe(self, sid: int) -> None:
        """Ask for no more; what is already on its way still reaches the handler, until `unlisten`."""
        if self._subs.pop(sid, None) is not None and self.is_connected:
            self._write(f"UNSUB {sid}\r\n".encode())

    def unlisten(self, sid: int) -> None:
        """End a `listen`; messages already on their way are dropped."""
        self.unsubscribe(sid)
        self._handlers.pop(sid, None)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        handler = self._handlers.get(sid)
        if handler is None:
            return
        message = Message(subject.decode(), data, parse_headers(headers), reply.decode())
        try:
            handler(message)
        except Exception:
            log.exception("handler_failed", subject=message.subject)

    # the mended parts ---------------------------------------------------------------------------------------------

    async def _process_pong(self) -> None:
        self._pongs = [waiting for waiting in self._pongs if not waiting.done()]
        if self._pongs:
            await super()._process_pong()
        self._pings_outstanding = 0

    async def _read_loop(self) -> None:
        await super()._read_loop()
        if self.is_connected and not self._at_end():
            await self._process_op_err(NatsError("nats: the read loop ended"))

    def _at_end(self) -> bool:
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0

    def forget_unsent(self) -> None:
        """Drop what was written and not sent: after a reconnect it would arrive as a ghost."""
        self._pending.clear()
        self._pending_data_size = 0

    def next_server(self, servers: list[Server], _info: dict[str, Any]) -> tuple[Server | None, float]:
        """Which server to dial next and how long to wait before: exponential, with full jitter."""
        chosen = min(servers, key=lambda server: server.reconnects)
        ceiling = min(self._max_backoff_s, 0.05 * 2 ** min(chosen.reconnects, 10))
        return chosen, ceiling * self._jitter()


class GatheringParser(Parser):
    """Many small messages for one wake-up: on a wire that nobody waits for, waking costs more than reading."""

    def __init__(self, wire: Wire, gather_s: float) -> None:
        super().__init__(wire)
        self._wire = wire
        self._gather_s = gather_s

    async def parse(self, data: bytes = b"") -> None:
        await super().parse(data)
        stream = getattr(self._wire._transport, "_io_writer", None)  # absent on a web socket, which is never gathered
        if stream is None or not self._wire.is_connected:
            return
        stream.transport.pause_reading()
        try:
            await asyncio.sleep(self._gather_s)
        finally:
            stream.transport.resume_reading()


def _publish_command(subject: str, reply: str, block: bytes, body: bytes) -> bytes:
    if not subject or " " in subject or "\r" in subject or "\n" in subject or "\t" in subject:
        raise InvalidRequest(f"subject {subject[:80]!r} holds white space")
    if block:
        head = f"HPUB {subject} {reply} {len(block)} {len(block) + len(body)}\r\n"
        return b"".join((head.encode(), block, body, _CRLF))
    return b"".join((f"PUB {subject} {reply} {len(body)}\r\n".encode(), body, _CRLF))
