"""The ways into a federation, each with one answer to every operation: over HTTP, over the bus, and as `nats req` does.

Nothing is tried again here: what a client is told the first time is what is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
import orjson

from bus import Bus, CallOptions, Federation, FederationError
from bus.errors import Refused, ToolError, Unavailable, Unknown, from_body
from tests.chaos.journal import Outcome

CALL_S = 4.0
DEADLINES = {"call": CALL_S, "search": 2.0, "heartbeat": 6.0, "register": 12.0, "leave": 12.0}
"""Seconds each kind of operation may take, by the contract; heartbeats wait for a full socket too."""
PATIENCE_S = 3.0
"""How much longer than that a client of a gateway holds out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told."""

    outcome: Outcome
    code: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Errand:
    """A call that is to be made."""

    member: str
    tool: str
    arguments: Mapping[str, Any]
    safe: bool


class Door(Protocol):
    """One way in."""

    name: str

    async def register(self, manifest: Mapping[str, Any]) -> Answer: ...

    async def leave(self, id: str, epoch: int) -> Answer: ...

    async def heartbeat(self, id: str) -> Answer: ...

    async def search(self, tag: str) -> Answer: ...

    async def server(self, id: str) -> Answer: ...

    async def call(self, errand: Errand) -> Answer: ...


def told(error: FederationError) -> Answer:
    """What an error says of what was done."""
    if isinstance(error, Unknown):
        return Answer(Outcome.UNKNOWN, error.code)
    if isinstance(error, Refused | Unavailable) and not isinstance(error, ToolError):
        return Answer(Outcome.REFUSED, error.code)
    return Answer(Outcome.ERROR, f"{error.code}: {error.message}"[:200])


class GatewayDoor:
    """A gateway, by a connection of each request's own."""

    def __init__(self, name: str, url: str, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._url = url
        self._session = session

    async def register(self, manifest: Mapping[str, Any]) -> Answer:
        return await self._ask("register", "POST", "/mcp/register", manifest)

    async def leave(self, id: str, epoch: int) -> Answer:
        """HTTP has no word for the epoch: whatever life is in force ends."""
        return await self._ask("leave", "DELETE", f"/mcp/unregister/{id}")

    async def heartbeat(self, id: str) -> Answer:
        return await self._ask("heartbeat", "POST", "/mcp/heartbeat", {"service_id": id})

    async def search(self, tag: str) -> Answer:
        asked = urlencode({"tag": tag, "limit": 100, "status": "any"})
        return await self._ask("search", "GET", f"/mcp/resources/omega/directory/search?{asked}")

    async def server(self, id: str) -> Answer:
        return _as_list(await self._ask("search", "GET", f"/mcp/resources/omega/directory/servers/{id}"))

    async def call(self, errand: Errand) -> Answer:
        path = f"/mcp/call/{errand.member}/{errand.tool}"
        return await self._ask("call", "POST", path, errand.arguments, {"X-Omega-Timeout-Ms": str(int(CALL_S * 1000))})

    async def _ask(
        self, op: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        limit = aiohttp.ClientTimeout(total=DEADLINES[op] + PATIENCE_S)
        try:
            async with self._session.request(
                method, self._url + path, json=body, headers=headers, timeout=limit
            ) as answer:
                return _read(answer.status, await answer.read())
        except aiohttp.ClientConnectorError:
            return Answer(Outcome.REFUSED, "connection_refused")
        except TimeoutError:
            return Answer(Outcome.UNKNOWN, "client_gave_up")
        except aiohttp.ClientError as exc:
            return Answer(Outcome.UNKNOWN, f"connection lost: {type(exc).__name__}")


class BusDoor:
    """A client of the bus, as a program of somebody's own is one."""

    def __init__(self, name: str, federation: Federation) -> None:
        self.name = name
        self._federation = federation

    async def register(self, manifest: Mapping[str, Any]) -> Answer:
        return await _told(self._federation.register(manifest))

    async def leave(self, id: str, epoch: int) -> Answer:
        return await _told(self._federation.leave(id, "default", epoch=epoch))

    async def heartbeat(self, id: str) -> Answer:
        return await _told(self._federation.heartbeat(id))

    async def search(self, tag: str) -> Answer:
        return await _told(self._federation.ask("search", {"tag": tag, "limit": 100, "status": "any"}))

    async def server(self, id: str) -> Answer:
        return _as_list(await _told(self._federation.server(id)))

    async def call(self, errand: Errand) -> Answer:
        options = CallOptions(timeout=CALL_S, safe=errand.safe)
        return await _told(self._federation.call(errand.member, errand.tool, errand.arguments, options))


class PlainDoor(BusDoor):
    """The same, but calls go out as the stock `nats req` sends them: one message, one answer, no frames."""

    def __init__(self, name: str, bus: Bus) -> None:
        super().__init__(name, Federation(bus))
        self._bus = bus

    async def call(self, errand: Errand) -> Answer:
        subject = self._bus.subjects.call(errand.member, errand.tool)
        try:
            reply = await self._bus.request(subject, orjson.dumps(errand.arguments), timeout=CALL_S)
        except FederationError as exc:
            return told(exc)
        return Answer(Outcome.OK, value=orjson.loads(reply.data))


async def _told(work: Any) -> Answer:
    try:
        return Answer(Outcome.OK, value=await work)
    except FederationError as exc:
        return told(exc)


def _read(status: int, body: bytes) -> Answer:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(Outcome.ERROR, f"{status}: not JSON")
    return Answer(Outcome.OK, value=value) if status < 300 else told(from_body(value))


def _as_list(answer: Answer) -> Answer:
    """A manifest as a search that found one."""
    value = {"servers": [answer.value]} if answer.outcome is Outcome.OK else answer.value
    return Answer(answer.outcome, answer.code, value)
