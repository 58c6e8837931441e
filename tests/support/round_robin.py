"""A reverse proxy that sends every HTTP request to the next of several servers: no stickiness whatever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, web
from yarl import URL

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass
class Proxy:
    """Where it listens, and how many requests went to each server."""

    url: str = ""
    sent: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def round_robin(servers: Sequence[str]) -> AsyncIterator[Proxy]:
    """A proxy in front of `servers` (base URLs) for the length of the block."""
    proxy, turn = Proxy(sent=dict.fromkeys(servers, 0)), cycle(servers)

    async def forward(request: web.Request) -> web.StreamResponse:
        server = next(turn)
        proxy.sent[server] += 1
        url = URL(server).join(request.rel_url)
        kept = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
        body = await request.read()
        async with client.request(request.method, url, headers=kept, data=body or None) as answer:
            return await _passed_on(request, answer)

    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1, access_log=None)
    async with ClientSession(timeout=ClientTimeout(total=None)) as client:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            await runner.cleanup()


async def _passed_on(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    told = web.StreamResponse(status=answer.status)
    for name, value in answer.headers.items():
        if name.lower() not in HOP_BY_HOP:
            told.headers.add(name, value)
    await told.prepare(request)
    try:
        async for piece in answer.content.iter_any():
            await told.write(piece)
        await told.write_eof()
    except (ClientError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()
    return told
