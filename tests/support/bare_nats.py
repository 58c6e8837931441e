"""The bare nats-py client, for tests that show what it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from nats.aio.client import Client
from nats.errors import Error


class Bare(Client):
    """nats-py as it is; only its sockets are kept, so that a test can count them and close what it left open."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[asyncio.StreamWriter] = []

    async def _connect_to_server(self, s: Any) -> None:
        await super()._connect_to_server(s)
        self.opened.append(self._transport._io_writer)  # type: ignore[union-attr]  # it is a TCP one


@asynccontextmanager
async def bare_client(url: str, **options: Any) -> AsyncIterator[Bare]:
    """A client as `nats.connect` gives it, quiet about its troubles, and ended whatever became of it."""
    client = Bare()
    await client.connect(url, **{"error_cb": _say_nothing, **options})
    try:
        yield client
    finally:
        with suppress(Error, OSError, TimeoutError):
            await asyncio.wait_for(client.close(), 1)
        await _abort(client)


@asynccontextmanager
async def bare_dialler(url: str, **options: Any) -> AsyncIterator[tuple[Bare, asyncio.Task[None]]]:
    """A client that tries to connect, and the trying as a task."""
    client = Bare()
    dialling = asyncio.create_task(client.connect(url, **{"error_cb": _say_nothing, **options}))
    try:
        yield client, dialling
    finally:
        async with asyncio.timeout(20):
            while not dialling.done():  # in Python 3.11 its dial may swallow a cancellation, and go on
                dialling.cancel()
                await asyncio.wait({dialling}, timeout=0.2)
        await _abort(client)


async def _abort(client: Bare) -> None:
    for writer in client.opened:
        writer.transport.abort()
    await asyncio.sleep(0)  # a socket is closed one turn of the loop later


async def _say_nothing(_: Exception) -> None:
    pass
