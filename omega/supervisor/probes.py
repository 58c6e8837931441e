"""Ways to find out that a process is ready. Each returns when it is; the caller bounds the wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from omega.supervisor.child import Child

INTERVAL_S = 0.05
ATTEMPT_S = 2.0
MAX_STATUS_LINE = 1024


async def announced(child: Child) -> None:
    """The process said so itself, on the descriptor it was given."""
    await child.announced.wait()


def serves_nats(host: str, port: int) -> Callable[[Child], Awaitable[None]]:
    """A NATS server greets whoever connects to `host:port`."""

    async def ready(_child: Child) -> None:
        await _until(lambda: _greeted_by_nats(host, port))

    return ready


def serves_http(host: str, port: int, path: str) -> Callable[[Child], Awaitable[None]]:
    """`GET path` on `host:port` is answered with 200."""

    async def ready(_child: Child) -> None:
        await _until(lambda: _answers_200(host, port, path))

    return ready


async def http_status(host: str, port: int, path: str) -> int:
    """Status of one `GET`. Raises OSError (nobody listens, no HTTP), TimeoutError."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    line = await _first_line(host, port, request.encode("ascii"))
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ConnectionError(f"{host}:{port} does not speak HTTP")
    return int(words[1])


async def _greeted_by_nats(host: str, port: int) -> bool:
    return (await _first_line(host, port, b"")).startswith(b"INFO ")


async def _answers_200(host: str, port: int, path: str) -> bool:
    return await http_status(host, port, path) == 200


async def _until(check: Callable[[], Awaitable[bool]]) -> None:
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            if await check():
                return
        await asyncio.sleep(INTERVAL_S)


async def _first_line(host: str, port: int, request: bytes) -> bytes:
    """The beginning of what `host:port` says, a line or less."""
    async with asyncio.timeout(ATTEMPT_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(request)
            return await reader.read(MAX_STATUS_LINE)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
