"""A link to a member over the bus: what `omega mcp` stands on when it shows one member."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson

from bus import CallOptions, Federation, McpRequest
from bus.errors import FederationError
from members.adapters.link import LinkDown, Listener, Message

LONGEST_S = 3_600.0
_GREETING = "server/discover"
_STREAM = "subscriptions/listen"


class BusLink:
    """Requests to any instance of one member. It lasts as long as the bus does."""

    def __init__(self, federation: Federation, member: str) -> None:
        self.closed = asyncio.Event()
        self.reason = ""
        self._federation = federation
        self._member = member

    async def request(self, message: Message, listen: Listener, headers: Mapping[str, str]) -> Message:
        """Raises, beside what a link does, the leaf of `bus.errors` that kept the member from answering."""
        events: asyncio.Queue[bytes | None] = asyncio.Queue()
        telling = asyncio.create_task(_tell(events, listen))
        try:
            answer = await self._ask(message, events, headers)
            events.put_nowait(None)
            await telling
        finally:
            telling.cancel()
        return dict(orjson.loads(answer))

    async def notify(self, message: Message, headers: Mapping[str, str]) -> None:
        """2026-07-28 has no notifications to a server: nothing is sent."""

    async def close(self) -> None:
        self.closed.set()

    async def _ask(self, message: Message, events: asyncio.Queue[bytes | None], headers: Mapping[str, str]) -> bytes:
        method = message["method"]
        sent = {name: value for name, value in headers.items() if name not in ("Mcp-Method", "Mcp-Name")}
        asked = McpRequest(self._member, method, headers.get("Mcp-Name"), orjson.dumps(message))
        options = CallOptions(
            timeout=None if method == _STREAM else LONGEST_S, on_event=events.put_nowait, headers=sent
        )
        try:
            return (await self._federation.mcp(asked, options)).data
        except FederationError as exc:
            if method == _GREETING:
                raise LinkDown(exc.message) from exc
            raise


async def _tell(events: asyncio.Queue[bytes | None], listen: Listener) -> None:
    while (event := await events.get()) is not None:
        await listen(orjson.loads(event))
