"""The requests of legacy sessions that are being answered, so that `notifications/cancelled` finds them.

The notification may reach another gateway than the request did; what is not found here is called out to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import structlog

from bus import Bus, Message, Subscription
from bus.errors import FederationError
from gateway.mcp.front.streams import interrupting
from gateway.mcp.front.tokens import Session

Key = tuple[str, str | int]
log = structlog.get_logger(__name__)


class Withdrawn(Exception):
    """The client cancelled the request."""


class InFlight:
    """What this gateway works on, by session and request id."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._running: dict[Key, asyncio.Timeout] = {}
        self._subscription: Subscription | None = None

    def __len__(self) -> int:
        return len(self._running)

    def start(self) -> None:
        self._subscription = self._bus.listen(self._bus.subjects.gateway_cancelled(), self._on_cancelled)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()

    @asynccontextmanager
    async def working(self, session: Session, request_id: str | int) -> AsyncIterator[None]:
        """The length of one request. Raises Withdrawn from within when the client cancels it."""
        key, scope = (session.id, request_id), asyncio.timeout(None)
        try:
            async with scope:
                self._running[key] = scope
                yield
        except TimeoutError:
            if scope.expired():
                raise Withdrawn from None
            raise
        finally:
            if self._running.get(key) is scope:
                del self._running[key]

    def cancel(self, session: Session, request_id: str | int) -> None:
        """Cancel it here, or wherever it runs."""
        if self._cancelled_here((session.id, request_id)):
            return
        try:
            body = orjson.dumps({"session": session.id, "request": request_id})
            self._bus.send(self._bus.subjects.gateway_cancelled(), body)
        except FederationError as exc:
            log.debug("cancel_not_told", error=exc.code)

    def _cancelled_here(self, key: Key) -> bool:
        scope = self._running.get(key)
        if scope is None:
            return False
        interrupting(scope)()
        return True

    def _on_cancelled(self, message: Message) -> None:
        try:
            told = orjson.loads(message.data)
            self._cancelled_here((told["session"], told["request"]))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            log.debug("cancel_not_read")
