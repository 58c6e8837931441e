"""What the suite is run against: the fixture member behind one gateway, or behind two in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bus import Bus, BusSettings
from gateway import Gateway, GatewaySettings
from tests.support.conformance_member import ID, conformance_member
from tests.support.federation import running_directory, running_member
from tests.support.round_robin import Proxy, round_robin

SHARED_KEY = "a key that both gateways know, and nobody else"


@dataclass(frozen=True)
class Stage:
    """A federation with the fixture member."""

    one: str
    """The member's URL at one gateway."""
    both: str
    """The same behind a proxy that sends each request to another gateway than the one before."""
    proxy: Proxy


@asynccontextmanager
async def stage(settings: BusSettings) -> AsyncIterator[Stage]:
    """A directory, the member, two gateways that share a key, and a proxy before them."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running_directory(settings))
        await stack.enter_async_context(running_member(conformance_member(), settings))
        urls = [await stack.enter_async_context(running_gateway(settings, session_key=SHARED_KEY)) for _ in range(2)]
        proxy = await stack.enter_async_context(round_robin(urls))
        yield Stage(_of_the_member(urls[0]), _of_the_member(proxy.url), proxy)


@asynccontextmanager
async def running_gateway(settings: BusSettings, **more: object) -> AsyncIterator[str]:
    """The base URL of a gateway on a connection of its own."""
    bus = await Bus.connect(settings, name="gateway")
    gateway = Gateway(bus, GatewaySettings.model_validate({"port": 0, "doors": {}, "drain_s": 1, **more}))
    await gateway.start()
    try:
        yield gateway.url
    finally:
        await gateway.stop()
        await bus.close()


def _of_the_member(base: str) -> str:
    """With `localhost`, the one name that the suite's check of DNS rebinding works with."""
    return f"{base.replace('127.0.0.1', 'localhost')}/servers/{ID}/mcp"
