"""A steady load on a federation through its gateways, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from tests.support.federation import manifest
from tests.support.standstill import noting_standstills

PAUSE_S = 0.02
GIVE_UP_S = 20.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that failed, and from when to when it lasted."""

    told: str
    began: float
    ended: float
    sent: bool
    """Whether its request, or some of it, was sent."""


class NotSent(Exception):
    """No gateway took the request."""


@dataclass(slots=True)
class Outcome:
    """What the clients saw."""

    done: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    standstills: list[tuple[float, float]] = field(default_factory=list)
    """When the clients themselves stood still, from when to when."""
    acknowledged: set[str] = field(default_factory=set)
    """Ids whose registration was confirmed."""
    slowest_s: float = 0.0

    @property
    def failed(self) -> list[str]:
        """What failed, but for requests that were not sent because the client stood still itself.

        A gateway that ends gives a connection 0.3 s to bring its request, and the next is there as soon: a client that
        stands still for half a second can find each of them at the wrong moment.
        """
        return [one.told for one in self.failures if one.sent or not self._stood_still_during(one)]

    def _stood_still_during(self, one: Failure) -> bool:
        return any(began < one.ended and ended > one.began for began, ended in self.standstills)


class Load:
    """Clients that call, search and register, each in turn on every gateway.

    One that is refused a connection goes to the next gateway: nothing of its request was read. Nothing else is tried
    again.
    """

    def __init__(self, gateways: Sequence[str], session: aiohttp.ClientSession) -> None:
        self.outcome = Outcome()
        self._gateways = gateways
        self._session = session
        self._numbers = count()

    async def call(self) -> None:
        said = await self._ask("POST", "/mcp/call/weather/forecast", {"city": "Bern"})
        assert said["sky"] == "blue", said

    async def search(self) -> None:
        said = await self._ask("GET", "/mcp/resources/omega/directory/search?tag=forecast")
        assert [server["id"] for server in said["servers"]] == ["weather"], said

    async def register(self) -> None:
        id = f"under_load_{next(self._numbers)}"
        await self._ask("POST", "/mcp/register", manifest(id))
        self.outcome.acknowledged.add(id)

    async def go_on(self, kind: str, pause_s: float, enough: asyncio.Event) -> None:
        """One operation after the other, until it is `enough`."""
        while not enough.is_set():
            await self._once(kind)
            await asyncio.sleep(pause_s)

    async def _once(self, kind: str) -> None:
        began = time.monotonic()
        try:
            await getattr(self, kind)()
        except (aiohttp.ClientError, TimeoutError, AssertionError, NotSent) as exc:
            ended = time.monotonic()
            told = f"{kind} after {ended - began:.2f} s: {exc!r}"[:300]
            sent = not isinstance(exc, NotSent | aiohttp.ClientOSError)
            self.outcome.failures.append(Failure(told, began, ended, sent))
        else:
            self.outcome.done[kind] += 1
            self.outcome.slowest_s = max(self.outcome.slowest_s, time.monotonic() - began)

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        first = next(self._numbers) % len(self._gateways)
        for gateway in (*self._gateways[first:], *self._gateways[:first]):
            try:
                async with self._session.request(method, gateway + path, json=body) as answer:
                    assert answer.status in (200, 201), f"{answer.status} {await answer.text()}"
                    return await answer.json()
            except aiohttp.ClientConnectorError:
                continue
        raise NotSent("no gateway takes connections")


@asynccontextmanager
async def steady_load(gateways: Sequence[str], *, clients: int = 4, reuse: bool = False) -> AsyncIterator[Outcome]:
    """`clients` that call, as many that search, one that registers, for the length of the block.

    `reuse` keeps connections open between requests, as most clients do.
    """
    connector = aiohttp.TCPConnector(force_close=not reuse)
    timeout = aiohttp.ClientTimeout(total=GIVE_UP_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        load = Load(gateways, session)
        kinds = [("call", PAUSE_S), ("search", PAUSE_S)] * clients + [("register", 5 * PAUSE_S)]
        enough = asyncio.Event()
        stood_still = noting_standstills(lambda began, ended: load.outcome.standstills.append((began, ended)))
        async with stood_still, asyncio.TaskGroup() as group:
            for kind, pause_s in kinds:
                group.create_task(load.go_on(kind, pause_s, enough))
            try:
                yield load.outcome
            finally:
                enough.set()
