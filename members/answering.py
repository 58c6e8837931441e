"""How a call is answered: its frames, its pieces, its errors, and the signs of life in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import orjson
import structlog

from bus import Bus, Instance, Message, codec, headers
from bus.calls import Frame
from bus.chunks import CONFIRM_S, Assembly, announced, pieces, send_pieces
from bus.errors import DeadlineExceeded, FederationError, Malformed, NoInstance, TooLarge, jsonrpc
from bus.message import HeaderBlock, Headers, encode_headers
from members.session import Notify
from members.settings import MemberSettings

ALIVE_S = 1.0
A_WHILE_S = 0.2
"""Well below the silence after which a caller asks for a sign of life."""
LISTENER_CHECK_S = 10.0
"""How often the caller of a long call is asked whether it is still there."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Running:
    """A call being served."""

    message: Message
    number: int
    label: str
    """The tool's name, or the MCP method."""
    named: bool = False
    """Its caller chose this instance, and knows whom to ask for a sign of life."""
    seconds: float | None = None
    """How long it may run; None for a stream."""
    task: asyncio.Task[None] | None = None
    expired: bool = False
    accepting: asyncio.Handle | None = None
    """`accepted`, about to be said."""
    body: bytes = b""
    framed: bool = field(init=False)
    """Its caller takes frames."""
    lasting: bool = field(init=False)
    """A stream: framed and without a deadline, it ends when its caller goes away."""
    spoken_at: float = field(init=False)
    asked_at: float = field(init=False)

    def __post_init__(self) -> None:
        sent = self.message.headers
        self.framed = sent.get(headers.STREAM) == "1"
        self.lasting = self.framed and headers.TIMEOUT_MS not in sent
        self.spoken_at = self.asked_at = time.monotonic()

    @property
    def call_id(self) -> str:
        return self.message.headers.get(headers.CALL_ID, "") or str(self.number)

    def expire(self) -> None:
        self.expired = True
        if self.task is not None:
            self.task.cancel()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call came to."""

    body: bytes
    form: str = codec.JSON
    error_code: int | None = None
    """The code of the JSON-RPC error that the body is, if it is one."""


class Answering:
    """The answering side of one instance's calls."""

    def __init__(self, bus: Bus, who: Instance, settings: MemberSettings) -> None:
        self._bus = bus
        self._who = who
        self._settings = settings
        self._heads = {frame: self._head(frame) for frame in Frame}

    # before -------------------------------------------------------------------------------------------------------

    async def accept(self, running: Running) -> None:
        """Say `accepted` and have the body, however many pieces it comes in.

        It is said as soon as the work waits for anything, to a caller that knows the instance only where the result
        takes a while: a result that is there by then needs no word before it.

        Raises TooLarge, Malformed, DeadlineExceeded (the pieces stopped coming).
        """
        count = announced(running.message, self._settings.max_body_bytes)
        running.body = running.message.data
        if not running.framed:
            if count:
                raise Malformed(f"{headers.CHUNKS}: a body in pieces needs {headers.STREAM}: 1")
        elif count:
            running.body = await self._receive(running, count)
        else:
            loop = asyncio.get_running_loop()
            later = partial(loop.call_later, A_WHILE_S) if running.named else loop.call_soon
            running.accepting = later(self._say, running, Frame.ACCEPTED)

    async def _receive(self, running: Running, count: int) -> bytes:
        arrived: asyncio.Queue[Message | FederationError] = asyncio.Queue()
        assembly = Assembly(self._settings.max_body_bytes)
        inbox = self._bus.open_reply(arrived.put_nowait)
        try:
            self._say(running, Frame.ACCEPTED, answer_to=inbox)
            while not assembly.complete(count):
                async with asyncio.timeout(CONFIRM_S):
                    piece = await arrived.get()
                if isinstance(piece, FederationError):
                    raise piece
                assembly.add(piece)
                self._bus.respond(piece, b"")
        except TimeoutError as exc:
            raise DeadlineExceeded("the rest of the body did not arrive") from exc
        finally:
            self._bus.close_reply(inbox)
        return assembly.body(count)

    # meanwhile ----------------------------------------------------------------------------------------------------

    def notifier(self, running: Running) -> Notify:
        """Takes the call's notifications: frames for a caller that wants them, nothing for one that does not."""

        def notify(event: bytes) -> None:
            self._settle(running)
            self._say(running, Frame.EVENT, event)

        return notify

    async def keep_informed(self, calls: Mapping[int, Running]) -> None:
        """One clock for all calls: say `alive` where nothing was said for a second, until cancelled."""
        while True:
            await asyncio.sleep(ALIVE_S / 2)
            now = time.monotonic()
            for running in list(calls.values()):
                if running.framed and now - running.asked_at >= LISTENER_CHECK_S:
                    running.asked_at = now
                    self._bus.spawn(self._ask_whether_anybody_listens(running))
                elif running.framed and now - running.spoken_at >= ALIVE_S:
                    self._say(running, Frame.ALIVE)

    async def _ask_whether_anybody_listens(self, running: Running) -> None:
        """A caller that died withdraws nothing; its inbox is gone, though, and the server says so."""
        try:
            await self._bus.request(running.message.reply, b"", headers=self._heads[Frame.ALIVE], timeout=CONFIRM_S)
        except NoInstance:
            if running.task is not None:
                running.task.cancel()
        except FederationError as exc:
            log.debug("listener_unknown", call=running.label, error=exc.code)

    # after --------------------------------------------------------------------------------------------------------

    async def finish(self, running: Running, reply: Reply) -> None:
        """Send the result, in pieces where it is large. Raises TooLarge."""
        body = reply.body
        if len(body) > self._settings.max_body_bytes:
            limit = self._settings.max_body_bytes
            raise TooLarge(f"{running.label}: a result of {len(body)} bytes, the limit is {limit}")
        more: dict[str, str] = {}
        count = pieces(len(body)) if running.framed else 0
        if count:
            self._settle(running)
            await self._send_in_pieces(running, body)
            more[headers.CHUNKS], body = str(count), b""
        if reply.error_code is not None:
            more[headers.MCP_ERROR] = str(reply.error_code)
        self._unsay(running)
        head: Headers = self._heads[Frame.RESULT]
        if more or reply.form != codec.JSON:
            head = self._head(Frame.RESULT, reply.form, more)
        try:
            self._bus.respond(running.message, body, head)
        except TooLarge as exc:
            raise TooLarge(f"{running.label}: the result is too large for one message: {exc.message}") from exc

    async def _send_in_pieces(self, running: Running, body: bytes) -> None:
        sent = {headers.FRAME: Frame.CHUNK.value, headers.INSTANCE: self._who.instance}
        try:
            await send_pieces(self._bus, running.message.reply, body, sent)
        except* FederationError as group:
            raise group.exceptions[0] from group

    def refuse(self, running: Running, error: FederationError) -> None:
        """Answer with an error, in the form of the subject the call came on."""
        self._unsay(running)
        more = {headers.FRAME: Frame.RESULT.value, headers.INSTANCE: self._who.instance}
        self._error(running.message, error, more)

    def refuse_unstarted(self, message: Message, error: FederationError) -> None:
        """As refuse, for a call that nothing was done for: its caller may go elsewhere."""
        self._error(message, error, {headers.EXECUTED: "no"})

    def _error(self, message: Message, error: FederationError, more: dict[str, str]) -> None:
        if not message.subject.startswith(f"{self._bus.subjects.prefix}.mcp."):
            self._bus.respond_error(message, error, more)
            return
        described = {headers.ERROR: error.message[:200], headers.ERROR_CODE: error.nats_code, **more}
        self._bus.respond(message, orjson.dumps(jsonrpc(error, _id_of(message.data))), described)

    def _settle(self, running: Running) -> None:
        """Say `accepted` now, where it is still to be said: nothing but a whole result comes before it."""
        if running.accepting is not None:
            self._unsay(running)
            self._say(running, Frame.ACCEPTED)

    @staticmethod
    def _unsay(running: Running) -> None:
        """`accepted` is not needed any more: the result says it too."""
        if running.accepting is not None:
            running.accepting.cancel()
            running.accepting = None

    def _say(self, running: Running, frame: Frame, body: bytes = b"", *, answer_to: str = "") -> None:
        if not running.framed:
            return
        if frame is Frame.ACCEPTED:
            running.accepting = None
        running.spoken_at = time.monotonic()
        self._bus.respond(running.message, body, self._heads[frame], answer_to=answer_to)

    def _head(self, frame: Frame, form: str = codec.JSON, more: Mapping[str, str] | None = None) -> HeaderBlock:
        sent = {headers.FRAME: frame.value, headers.INSTANCE: self._who.instance, headers.CONTENT_TYPE: form}
        return HeaderBlock(encode_headers({**sent, **(more or {})}))


def _id_of(data: bytes) -> str | int | None:
    """The id of a JSON-RPC request, for an error that is answered without reading the rest."""
    try:
        value = codec.decode_object(data).get("id")
    except FederationError:
        return None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
