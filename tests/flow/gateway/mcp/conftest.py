"""A gateway before the fixture member and before a member that waits, both over a real NATS."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bus import Bus, BusSettings
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Member
from tests.flow.gateway.conftest import SUBJECT
from tests.support.conformance_member import ID, conformance_member
from tests.support.federation import running_member
from tests.support.http_mcp import Caller

KEY = "a key that several gateways may share"


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, doors={0: SUBJECT}, drain_s=2, session_key=KEY)


@pytest.fixture
async def everything(directory: Directory, settings: BusSettings) -> AsyncIterator[Member]:
    """The fixture member of the conformance suite."""
    async with running_member(conformance_member(), settings) as member:
        yield member


@pytest.fixture
async def caller(client: aiohttp.ClientSession, everything: Member) -> Caller:
    """Speaks MCP to that member, message by message."""
    return Caller(client, f"/servers/{ID}/mcp")


@pytest.fixture
async def waiter(client: aiohttp.ClientSession, member: Member) -> Caller:
    """Speaks MCP to the member whose tool waits until it is told to go on."""
    return Caller(client, f"/servers/{SUBJECT}/mcp")


@pytest.fixture
async def other_gateway(settings: BusSettings, directory: Directory) -> AsyncIterator[Gateway]:
    """Another gateway with the same key."""
    bus = await Bus.connect(settings, name="other gateway")
    gateway = Gateway(bus, GatewaySettings(port=0, doors={}, drain_s=1, session_key=KEY))
    await gateway.start()
    yield gateway
    await gateway.stop()
    await bus.close()
