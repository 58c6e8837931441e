"""A link to a child: one JSON-RPC message a line, any number of requests in flight on the one pipe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from members.adapters.child import Child
from members.adapters.link import (
    LinkDown,
    LinkLost,
    Listener,
    Message,
    about,
    cancelled,
    is_notification,
    is_request,
    refusal,
)
from members.adapters.targets import StdioTarget

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pending:
    response: asyncio.Future[Message]
    listen: Listener


class StdioLink:
    """The conversation with one child, from its start to its end."""

    def __init__(self, child: Child, hear: Listener) -> None:
        """`hear` takes the notifications that belong to no request."""
        self.closed = asyncio.Event()
        self.reason = ""
        self._child = child
        self._hear = hear
        self._pending: dict[Any, _Pending] = {}
        self._reader = asyncio.create_task(self._read(), name=f"stdio-{child.name}")

    @classmethod
    async def open(cls, name: str, target: StdioTarget, hear: Listener) -> StdioLink:
        """Start the child. Raises Unusable, OSError."""
        return cls(await Child.start(name, target), hear)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def stopped(self) -> bool:
        """Whether a signal keeps the child from running."""
        return self._child.stopped

    @property
    def last_words(self) -> str:
        """The last line of its stderr."""
        return self._child.last_words

    async def request(self, message: Message, listen: Listener, headers: Mapping[str, str]) -> Message:
        request_id = message["id"]
        pending = _Pending(asyncio.get_running_loop().create_future(), listen)
        self._pending[request_id] = pending
        try:
            await self._write(message)
            return await pending.response
        except asyncio.CancelledError:
            self._withdraw(request_id)
            raise
        finally:
            self._pending.pop(request_id, None)

    async def notify(self, message: Message, headers: Mapping[str, str]) -> None:
        await self._write(message)

    async def close(self) -> None:
        self._end("closed")
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._child.stop()

    async def _write(self, message: Message) -> None:
        if self.closed.is_set():
            raise LinkDown(self.reason)
        try:
            await self._child.write(orjson.dumps(message) + b"\n")
        except OSError as exc:
            await self._child.seen_off()  # mostly it is ending, and its exit code says more
            told = self._child.end if self._child.ended else f"it reads no more: {exc.strerror or exc}"
            raise LinkDown(told) from exc

    def _withdraw(self, request_id: Any) -> None:
        """Without waiting: a child that reads no more must not keep its caller."""
        if not self.closed.is_set():
            self._child.post(orjson.dumps(cancelled(request_id, "the caller withdrew")) + b"\n")

    # what arrives -------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while line := await self._child.read():
            try:
                message = orjson.loads(line)
            except orjson.JSONDecodeError:
                log.info("server_said", member=self._child.name, line=line.decode("utf-8", "replace")[:500].rstrip())
                continue
            if isinstance(message, dict):
                await self._take(message)
        await self._child.seen_off()
        self._end(self._child.end)

    async def _take(self, message: Message) -> None:
        if is_request(message):
            await self._answer(message)
        elif is_notification(message):
            pending = self._pending.get(about(message))
            await (pending.listen if pending is not None else self._hear)(message)
        else:
            pending = self._pending.get(message.get("id"))
            if pending is not None and not pending.response.done():
                pending.response.set_result(message)

    async def _answer(self, request: Message) -> None:
        log.info("server_asked", member=self._child.name, method=request.get("method"))
        try:
            await self._write(refusal(request))
        except LinkDown:
            log.debug("nobody_left_to_answer", member=self._child.name)

    def _end(self, reason: str) -> None:
        """Whoever gave it up may have closed it and said why: the calls in it end here all the same."""
        self.reason = self.reason or reason
        self.closed.set()
        for pending in self._pending.values():
            if not pending.response.done():
                pending.response.set_exception(LinkLost(self.reason))
