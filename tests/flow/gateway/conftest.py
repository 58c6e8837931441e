"""A whole federation on loopback for each test: nats-server, directory, one member with telling tools, a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bus import Bus, BusSettings
from bus.errors import ToolError
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Member

SUBJECT = "subject_of_tests"


class Told:
    """What the member's tools saw."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.finished = asyncio.Event()
        self.go_on = asyncio.Event()


@pytest.fixture
async def directory(bus: Bus, settings: BusSettings) -> AsyncIterator[Directory]:
    """A real directory on a connection of its own."""
    own = await Bus.connect(settings, name="directory")
    directory = Directory(own)
    async with asyncio.timeout(15):
        await directory.start()
    yield directory
    await directory.stop()
    await own.close()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def member(directory: Directory, settings: BusSettings, told: Told) -> AsyncIterator[Member]:
    """A real member on a connection of its own, registered and serving."""
    member = _member(told)
    own = await Bus.connect(settings, name="member")
    async with member.serving(own):
        yield member
    await own.close()


def _member(told: Told) -> Member:
    member = Member(SUBJECT, name="Subject", tags=["test", "code"], capabilities=["testing"], drain_s=0.2)

    @member.tool
    async def add(left: int, right: int) -> dict[str, int]:
        """The sum."""
        return {"sum": left + right}

    @member.tool
    async def shout(text: str) -> dict[str, str]:
        """In capitals."""
        return {"text": text.upper()}

    @member.tool
    async def refuse() -> dict[str, str]:
        """Say no."""
        raise ToolError("not on a Sunday")

    @member.tool
    async def crash() -> dict[str, str]:
        """Fail in a way nobody expected."""
        raise RuntimeError("secret detail")

    @member.tool
    async def wait() -> dict[str, str]:
        """Wait to be told to go on."""
        told.started.set()
        try:
            await told.go_on.wait()
        except asyncio.CancelledError:
            told.cancelled.set()
            raise
        told.finished.set()
        return {"went": "on"}

    return member


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, doors={}, drain_s=2)


@pytest.fixture
async def gateway(bus: Bus, directory: Directory, gateway_settings: GatewaySettings) -> AsyncIterator[Gateway]:
    gateway = Gateway(bus, gateway_settings)
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client of the main port."""
    async with aiohttp.ClientSession(gateway.url, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session
