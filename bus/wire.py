"""One connection to one NATS server: nats-py's handshake and parser, with a way in, a way out and an end of our own.

* It ends once, for whatever reason, and says so at once (`on_end`). It never comes back to life: what was written and
  not sent dies with it, so no call is executed after its caller gave up. `bus.supervision` opens the next one.
* A server that says nothing is asked twice and then given up, however the socket looks.
* An error that the server tells (`-ERR`) is noted. Whether it ends the connection is the server's to do.
* Messages go to a synchronous handler straight from the read loop (no queue, no task per subscription), and
  publishes go to the write buffer without a coroutine. Both matter at tens of thousands of messages a second.

It overrides names that nats-py keeps to itself; the version is pinned and `tests/unit/bus/test_wire.py` fails when
they move.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from bus import commands
from bus.errors import Disconnected, TooLarge
from bus.gathering import READ, GatheringParser
from bus.message import Headers, Message, encode_headers, parse_headers
from bus.servers import Address
from bus.trust.keyring import Login

Handler = Callable[[Message], None]
_DENIED = "permissions violation for publish to "
_CONTROL_ALLOWANCE = 512
"""Bytes kept free below `max_payload`: the server counts headers too, and closes the connection above it."""
HIGH_WATER = 1 << 20
"""A publisher waits for the socket while more than this is unsent."""
MOST_UNSENT = 64 << 20
"""Nothing is taken above this, from those who cannot wait either."""
STALLED_S = 5.0
"""How long a publisher waits for a socket that takes nothing."""
QUIET_S = 0.001
"""What is written after so long without a write goes out at once. Otherwise what one turn of the loop writes goes out
together: that costs less, and whoever writes so often waits for other things longer."""
STEP_S = 2
"""How long one step of opening a connection may take: the socket, the server's first word, its answer to the login."""
_REMEMBERED = 100

log = structlog.get_logger(__name__)


class Wire(Client):
    """One TCP connection's worth of NATS. Not for use outside `bus.connection` and `bus.supervision`."""

    def __init__(self, *, ping_interval_s: float, gather_s: float = 0.0) -> None:
        """`gather_s`: after each read, leave what comes next to the kernel for so long, and take it all at once."""
        super().__init__()
        if gather_s:
            self._ps = GatheringParser(self, gather_s)
        self.ended = asyncio.Event()
        self.leaving = asyncio.Event()
        """Set when the server said that it will end soon (lame duck), or when it has."""
        self.reason = ""
        """Why it ended."""
        self.on_end: Callable[[Wire], None] = lambda _: None
        self.on_denied: Callable[[str], None] = lambda _: None
        """Told the subject, in small letters, of a publish that the server did not allow."""
        self.neighbours: tuple[str, ...] = ()
        """Other servers of the cluster, `host:port`, as this one tells."""
        self._handlers: dict[int, Handler] = {}
        self._asked_for: set[int] = set()
        self._ping_s = ping_interval_s
        self._clock = asyncio.get_running_loop().time
        self._wrote_at = 0.0
        self._heard = 0.0
        self._handed = 0
        self._complaints: set[str] = set()
        self._written = asyncio.Event()
        self._next: asyncio.Future[None] | None = None
        self._going: asyncio.Future[None] | None = None

    # life ---------------------------------------------------------------------------------------------------------

    async def dial(self, address: Address, name: str, login: Login) -> None:
        """Open it. Raises Disconnected, with what the server or the socket said."""
        more = self._proof(login)
        if address.tls_name:
            more["tls_hostname"] = address.tls_name
        opened = False
        try:
            async with asyncio.timeout(3 * STEP_S):
                await self.connect(
                    [address.url],
                    name=name,
                    allow_reconnect=False,
                    connect_timeout=STEP_S,
                    error_cb=_note_error,
                    **more,
                )
            opened = self.is_connected
        except (TimeoutError, NatsError, OSError) as exc:
            raise Disconnected(_in_words(exc)) from exc
        finally:
            if not opened:
                self.fall("not opened")

    def _proof(self, login: Login) -> dict[str, Any]:
        """What nats-py is given so that the server believes who we are."""
        found: dict[str, Any] = {"tls": login.tls} if login.tls is not None else {}
        credentials = login.credentials
        if credentials is None:
            return found
        self._public_nkey = credentials.key.public
        found["signature_cb"] = credentials.signature
        if (token := credentials.token) is not None:
            found["user_jwt_cb"] = token.encode
        return found

    @property
    def demanding(self) -> bool:
        """Whether the server lets in only who proves who it is."""
        return bool(self._server_info.get("auth_required"))

    def fall(self, reason: str) -> None:
        """It is over. Who waits for room or for a confirmation is let go; nothing more is sent."""
        if self.ended.is_set():
            return
        self.reason = self.reason or reason
        self._status = Client.CLOSED
        self.ended.set()
        self.leaving.set()
        self._let_go()
        current = asyncio.current_task()
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None and task is not current:
                task.cancel()
        self._abort()
        self.on_end(self)

    async def leave(self, within: float) -> None:
        """End it, after what was written went out or `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self.drained()
                self._status = Client.CLOSED
                self._pipe.close()
                await self._pipe.wait_closed()
        except (TimeoutError, OSError, Disconnected) as exc:
            log.debug("close_cut_short", error=repr(exc))
        finally:
            self.fall("closed")
        await asyncio.sleep(0)  # the turn in which the socket is really closed

    def _let_go(self) -> None:
        self._pending.clear()
        self._pending_data_size = 0
        for sent in (self._next, self._going):
            if sent is not None and not sent.done():
                sent.set_result(None)
        for waiting in self._pongs:
            if not waiting.done():
                waiting.set_result(False)

    def _abort(self) -> None:
        """Close without a last word: what is still buffered would wait for a socket that may never take it."""
        stream = self._stream()
        if stream is not None:
            stream.abort()
            if (below := getattr(self._transport, "_bare_io_writer", None)) is not None:
                below.transport.abort()  # the socket under TLS, which TLS alone would leave to the garbage collector
        elif self._transport is not None:
            self._pipe.close()

    @property
    def _pipe(self) -> Any:
        """nats-py's transport, a TCP or a web socket; there once `connect` dialled. Its methods have no types."""
        return self._transport

    def _stream(self) -> asyncio.WriteTransport | None:
        """The socket below; None on a web socket, which has its own."""
        writer: asyncio.StreamWriter | None = getattr(self._transport, "_io_writer", None)
        return writer.transport if writer is not None else None

    # out ----------------------------------------------------------------------------------------------------------

    def send(self, subject: str, body: bytes, reply: str = "", headers: Headers | None = None) -> None:
        """Put a publish into the write buffer. Raises Disconnected (not sent, nothing is kept for later), TooLarge."""
        if not self.is_connected:
            raise Disconnected()
        block = encode_headers(headers)
        self._check_size(len(body) + len(block))
        if self._pending_data_size > MOST_UNSENT:
            raise Disconnected(f"the server takes nothing: {self._pending_data_size} bytes are unsent")
        self._write(commands.publish(subject, reply, block, body))

    def backlog(self) -> int:
        """Bytes written and not yet handed to the socket."""
        return int(self._pending_data_size)

    async def room(self) -> None:
        """Return once less than `HIGH_WATER` is unsent. Raises Disconnected: the socket takes nothing, or is gone."""
        while self._pending_data_size > HIGH_WATER:
            await self.drained()

    async def drained(self) -> None:
        """Return once what was written went to the socket. Raises Disconnected: it takes nothing, or is gone."""
        sent = self._next if self._pending else self._going
        if sent is not None:
            done, _ = await asyncio.wait((sent,), timeout=STALLED_S)
            if not done:
                raise Disconnected(f"the server took nothing for {STALLED_S:g} s")
        if self.ended.is_set():
            raise Disconnected(self.reason)

    async def confirm(self, within: float) -> None:
        """Return once the server has seen all that was written before. Raises Disconnected."""
        waiting = self._ping()
        done, _ = await asyncio.wait((waiting,), timeout=within)
        if not done or not waiting.result():
            raise Disconnected(self.reason or f"the server did not confirm within {within:g} s")

    def _ping(self) -> asyncio.Future[bool]:
        """Done with True when the server answers, and False when it cannot any more."""
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.ended.is_set():
            waiting.set_result(False)
            return waiting
        self._pongs.append(waiting)
        self._write(commands.PING)
        return waiting

    def _write(self, command: bytes) -> None:
        now = self._clock()
        quiet, self._wrote_at = now - self._wrote_at >= QUIET_S, now
        if quiet and not self._pending and self._wrote_alone(command):
            return
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        self._pending.append(command)
        self._pending_data_size += len(command)
        self._written.set()

    def _wrote_alone(self, command: bytes) -> bool:
        """Hand a command to the socket without waiting for others; False where that has to wait."""
        stream = self._stream() if self.is_connected else None
        if stream is None or stream.is_closing() or stream.get_write_buffer_size():
            return False
        self._handed += len(command)
        stream.write(command)
        return True

    def _check_size(self, size: int) -> None:
        limit = self.max_payload - _CONTROL_ALLOWANCE
        if size > limit:
            raise TooLarge(f"message: {size} bytes with its headers, the bus carries {limit}", details={"limit": limit})

    # in -----------------------------------------------------------------------------------------------------------

    def listen(self, subject: str, queue: str, handler: Handler) -> int:
        """Hand every message on `subject` to `handler`, at once and in order. The number ends it (`unlisten`).

        Raises InvalidRequest.
        """
        sid: int = self._sid + 1
        command = commands.subscribe(subject, queue, sid)
        self._sid = sid
        self._handlers[sid] = handler
        self._asked_for.add(sid)
        self._write(command)
        return sid

    def unsubscribe(self, sid: int) -> None:
        """Ask for no more; what is already on its way still reaches the handler, until `unlisten`."""
        if sid in self._asked_for and self.is_connected:
            self._write(commands.unsubscribe(sid))
        self._asked_for.discard(sid)

    def unlisten(self, sid: int) -> None:
        """End a `listen`; messages already on their way are dropped."""
        self.unsubscribe(sid)
        self._handlers.pop(sid, None)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        handler = self._handlers.get(sid)
        if handler is None:
            return
        # Whoever may publish can put any bytes into a subject: they must not end the connection of who hears it.
        named, answer_to = subject.decode("utf-8", "replace"), reply.decode("utf-8", "replace")
        message = Message(named, data, parse_headers(headers), answer_to)
        try:
            handler(message)
        except Exception:
            log.exception("handler_failed", subject=message.subject)

    # what nats-py does otherwise ------------------------------------------------------------------------------------

    async def _select_next_server(self) -> None:
        self._current_server = self._server_pool[0]
        await self._connect_to_server(self._current_server)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        self._max_payload = info.get("max_payload", self._max_payload)
        if told := info.get("connect_urls"):
            self.neighbours = tuple(told)
        if info.get("ldm"):
            self.leaving.set()

    async def _process_err(self, err_msg: str) -> None:
        told = err_msg.strip("'")
        if "permissions violation" not in told:
            self.reason = told  # for the end that may follow
        elif told.startswith(_DENIED):
            self.on_denied(told.removeprefix(_DENIED).strip('"'))
        if told not in self._complaints and len(self._complaints) < _REMEMBERED:
            self._complaints.add(told)
            log.warning("bus_complains", reason=told)

    async def _process_ping(self) -> None:
        self._write(commands.PONG)

    async def _process_pong(self) -> None:
        if self._pongs:
            waiting = self._pongs.pop(0)  # each PONG answers one PING: also one that nobody waits for any more
            if not waiting.done():
                waiting.set_result(True)

    async def _process_op_err(self, e: Exception) -> None:
        self.fall(_in_words(e))

    async def _read_loop(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        try:
            while data := await self._pipe.read(READ):
                self._heard = loop.time()
                await self._ps.parse(data)
                if len(data) == READ:
                    await asyncio.sleep(0)  # more is there already: `read` would not let anybody else have a turn
            self.fall("the server closed the connection")
        except (OSError, NatsError) as exc:
            self.fall(_in_words(exc))
        except Exception as exc:
            log.exception("read_loop_failed")
            self.fall(_in_words(exc))

    async def _ping_interval(self) -> None:
        """Ask a server that has been silent for an interval, and once more; it has another interval to say anything."""
        loop = asyncio.get_running_loop()
        while True:
            quiet = loop.time() - self._heard
            if quiet < self._ping_s:
                await asyncio.sleep(self._ping_s - quiet)
            elif not (await self._answers(self._ping_s / 2) or await self._answers(self._ping_s / 2)):
                self.fall(f"the server was silent for {loop.time() - self._heard:.1f} s")
                return

    async def _answers(self, within: float) -> bool:
        """Whether there is a sign of life in the next `within` seconds: a word, or a full socket that takes more.

        Over a slow network the ping, too, waits behind what was written before it.
        """
        heard, full, taken = self._heard, self._in_socket() > 0, self._handed - self._in_socket()
        self._ping()
        await asyncio.sleep(within)
        if full and self._handed - self._in_socket() > taken:
            self._heard = asyncio.get_running_loop().time()
        return self._heard > heard

    def _in_socket(self) -> int:
        """Bytes that the kernel has not taken yet."""
        stream = self._stream()
        return stream.get_write_buffer_size() if stream is not None else 0

    async def _flusher(self) -> None:
        """Hand what was written to the socket, whenever there is something."""
        try:
            while True:
                await self._written.wait()
                self._written.clear()
                self._handed += self._pending_data_size
                batch, self._pending, self._pending_data_size = self._pending, [], 0
                self._going, self._next = self._next, None
                self._pipe.writelines(batch)
                await self._pipe.drain()
                if self._going is not None and not self._going.done():
                    self._going.set_result(None)
                self._going = None
        except (OSError, RuntimeError) as exc:  # uvloop's word for a socket that was closed meanwhile
            self.fall(_in_words(exc))


async def _note_error(exc: Exception) -> None:
    log.debug("nats_error", error=repr(exc))


def _in_words(exc: BaseException) -> str:
    return str(exc).removeprefix("nats: ").strip("'") or type(exc).__name__
