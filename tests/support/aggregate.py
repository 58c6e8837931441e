"""The federation as one MCP server, asked without HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from bus import Bus, BusSettings, Federation
from bus.access import EVERY_SCOPE, LOCAL
from bus.trail import Trail
from gateway import GatewaySettings
from gateway.access.denials import Denials
from gateway.endpoints import Addresses
from gateway.mcp.federation.aggregate import Aggregate
from gateway.mcp.federation.catalogue import Catalogue
from gateway.mcp.federation.scope import read_scope
from gateway.mcp.upstream import UpstreamAnswer, UpstreamRequest
from gateway.metrics import Metrics
from tests.support import mcp

HEADERS = {"MCP-Protocol-Version": "2026-07-28"}


class Asking:
    """A client of the federation, at `?query`."""

    def __init__(self, aggregate: Aggregate, query: dict[str, str] | None = None) -> None:
        self.aggregate = aggregate
        self._upstream = aggregate.upstream(read_scope((query or {}).items()), EVERY_SCOPE)

    def at(self, **query: str) -> Asking:
        """The same federation, scoped."""
        return Asking(self.aggregate, query)

    async def answer(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        notify: Callable[[bytes], None] = lambda _: None,
        *,
        timeout: float | None = 5.0,
        **meta: Any,
    ) -> UpstreamAnswer:
        told = mcp.body(method, params, **meta)
        await asyncio.sleep(0)  # between two requests a front waits for its client
        return await self._upstream.answer(UpstreamRequest(orjson.dumps(told), told, LOCAL, HEADERS, timeout), notify)

    async def raw(self, body: bytes, headers: dict[str, str] | None = None) -> UpstreamAnswer:
        """The answer to a body as somebody spelled it."""
        return await self._upstream.answer(
            UpstreamRequest(body, orjson.loads(body), LOCAL, {**HEADERS, **(headers or {})}, 5.0), lambda _: None
        )

    async def __call__(self, method: str, params: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
        """The result."""
        answer = await self.answer(method, params, **meta)
        told: dict[str, Any] = orjson.loads(answer.body)
        assert answer.error_code is None, told
        assert told["result"]["resultType"], told
        result: dict[str, Any] = told["result"]
        return result

    async def error(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The error."""
        answer = await self.answer(method, params)
        told: dict[str, Any] = orjson.loads(answer.body)["error"]
        assert answer.error_code == told["code"]
        return told

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self("tools/call", {"name": name, "arguments": arguments or {}})

    async def pages(self, method: str, field: str) -> AsyncIterator[list[dict[str, Any]]]:
        """A list, page by page."""
        cursor: str | None = None
        while True:
            page = await self(method, {"cursor": cursor} if cursor else {})
            yield page[field]
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    async def all(self, method: str, field: str) -> list[dict[str, Any]]:
        """Every page of a list."""
        return [item async for page in self.pages(method, field) for item in page]

    async def tools(self) -> list[str]:
        """The names of all listed tools."""
        return [tool["name"] async for page in self.pages("tools/list", "tools") for tool in page]

    @asynccontextmanager
    async def listening(self, **wish: Any) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
        """What a stream is told, after the acknowledgement."""
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        task = asyncio.create_task(
            self.answer(
                "subscriptions/listen",
                {"notifications": wish},
                lambda event: heard.put_nowait(orjson.loads(event)),
                timeout=None,
            )
        )
        try:
            async with asyncio.timeout(5):
                first = await heard.get()
            assert first["method"] == "notifications/subscriptions/acknowledged", first
            assert first["params"]["notifications"] == wish
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def aggregate_of(settings: BusSettings, **more: Any) -> AsyncIterator[Asking]:
    """A gateway's federation endpoint on a connection of its own."""
    bus = await Bus.connect(settings, name="gateway")
    metrics = Metrics("1.0.0", lambda: bus.connected)
    aggregate = Aggregate(
        Federation(bus),
        GatewaySettings(port=0, doors={}, **more),
        Catalogue(),
        addresses=Addresses("http://gateway"),
        metrics=metrics,
        denials=Denials(Trail(bus, "gateway"), time.monotonic),
        version="1.0.0",
    )
    aggregate.start()
    try:
        yield Asking(aggregate)
    finally:
        await aggregate.stop()
        await bus.close()
