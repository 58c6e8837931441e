"""The processes under test, each started as `python -m benchmarks.roles ROLE NATS_URL [ARGUMENT]`.

Each prints `ready` on a line of its own once it serves.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Awaitable, Callable

import nats
import structlog
import uvloop
from aiohttp import web
from nats.aio.msg import Msg

from bus import Bus, BusSettings
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Member


async def echo(url: str, size: str) -> None:
    """The floor: bare nats-py, a reply of `size` bytes."""
    connection = await nats.connect(url)
    body = b"x" * int(size)

    async def answer(message: Msg) -> None:
        await message.respond(body)

    await connection.subscribe(f"echo.{size}", cb=answer)
    await connection.flush()
    await forever()


async def directory(url: str, _: str) -> None:
    """A directory replica."""
    bus = await Bus.connect(BusSettings(nats_url=url))
    replica = Directory(bus)
    await replica.start()
    await forever()


async def member(url: str, _: str) -> None:
    """A member with one small tool."""
    served = Member("bench", name="Bench", limit=1000)

    @served.tool
    async def repeat(text: str) -> dict[str, str]:
        """Say it again."""
        return {"text": text}

    bus = await Bus.connect(BusSettings(nats_url=url))
    async with served.serving(bus):
        await forever()


async def bare_http(url: str, size: str) -> None:
    """The HTTP floor: a bare aiohttp handler that makes one NATS request and returns the bytes."""
    connection = await nats.connect(url)

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        reply = await connection.request(f"echo.{size}", body, timeout=5)
        return web.Response(body=reply.data, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"port {runner.addresses[0][1]}", flush=True)
    await forever()


async def gateway(url: str, _: str) -> None:
    """The gateway."""
    bus = await Bus.connect(BusSettings(nats_url=url))
    served = Gateway(bus, GatewaySettings(port=0, doors={}))
    await served.start()
    print(f"port {served.url.rpartition(':')[2].strip('/')}", flush=True)
    await forever()


async def forever() -> None:
    """As the processes of `omega` do once they serve; the floors get the same."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    print("ready", flush=True)
    await asyncio.Event().wait()


ROLES: dict[str, Callable[[str, str], Awaitable[None]]] = {
    "echo": echo,
    "directory": directory,
    "member": member,
    "bare_http": bare_http,
    "gateway": gateway,
}


async def main(role: str, url: str, argument: str = "") -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=True
    )
    await ROLES[role](url, argument)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
