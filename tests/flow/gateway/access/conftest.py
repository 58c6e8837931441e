"""A gateway that asks who comes, before two members with telling tools, prompts and resources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bus import Bus, BusSettings
from directory import Directory
from gateway import AccessSettings, Gateway, GatewaySettings
from members import Context, Member, current_caller
from tests.support.federation import running_directory, running_member
from tests.support.keys import key_for
from tests.support.nats import until

OPEN, CLOSED = "open_house", "closed_house"
SESSION_KEY = "a key that gateways share"


def house(id: str, tag: str) -> Member:
    """A member that tells who it is called for."""
    member = Member(id, name=id, description="A house with words", tags=[tag], heartbeat_interval_s=0.5, drain_s=0.2)

    @member.tool
    async def who() -> dict[str, Any]:
        """Who calls, without a context."""
        caller = current_caller()
        return {"caller": caller and caller.name, "scopes": list(caller.scopes) if caller else []}

    @member.tool
    async def who_by_context(ctx: Context[Any, Any]) -> dict[str, Any]:
        """Who calls, by the context."""
        return {"caller": ctx.caller and ctx.caller.name}

    @member.tool
    async def add(left: int, right: int) -> dict[str, int]:
        """The sum."""
        return {"sum": left + right}

    @member.mcp.prompt()
    def greet() -> str:
        """A greeting."""
        return f"hello from {id}"

    @member.mcp.resource("note://door")
    def note() -> str:
        """A note on the door."""
        return f"the secret of {id}"

    return member


@pytest.fixture
async def directory(settings: BusSettings) -> AsyncIterator[Directory]:
    async with running_directory(settings) as directory:
        yield directory


@pytest.fixture
async def houses(directory: Directory, settings: BusSettings) -> AsyncIterator[None]:
    async with running_member(house(OPEN, "open"), settings), running_member(house(CLOSED, "closed"), settings):
        yield


@pytest.fixture
def access() -> AccessSettings:
    return AccessSettings(authentication="required")


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(
        port=0, doors={0: CLOSED}, drain_s=1, session_key="a key that gateways share", mcp_check_s=0.2
    )


@pytest.fixture
async def gateway(
    bus: Bus, houses: None, gateway_settings: GatewaySettings, access: AccessSettings
) -> AsyncIterator[Gateway]:
    gateway = Gateway(bus, gateway_settings, access)
    await gateway.start()
    catalogue = gateway._aggregate
    assert catalogue is not None
    try:
        await until(lambda: len(catalogue.catalogue) >= 2, what="both members are known")
        yield gateway
    finally:
        await gateway.stop()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    """Shows no credentials of its own."""
    async with aiohttp.ClientSession(gateway.url, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


class Keys:
    """Makes keys that the gateway knows already."""

    def __init__(self, bus: Bus, gateway: Gateway) -> None:
        self._bus = bus
        self._gateway = gateway

    async def __call__(self, name: str, scopes: str, **more: Any) -> dict[str, str]:
        """The header that shows a new key."""
        known = self._gateway.doorkeeper.keys
        assert known is not None
        before = len(known.known)
        key = await key_for(self._bus, name, scopes, **more)
        await until(lambda: len(known.known) > before, what="the gateway knows the key")
        return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def keys(bus: Bus, gateway: Gateway) -> Keys:
    return Keys(bus, gateway)
