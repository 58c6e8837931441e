"""Two ends: one behind a proxy that can fail, and one straight at the server, which sees what arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bus import Bus, BusSettings
from tests.support.fault_proxy import FaultProxy
from tests.support.nats import NatsServer

PING_S = 0.5
"""The bound of silence is twice this."""


@pytest.fixture
async def proxy(nats_server: NatsServer) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(nats_server.port) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: FaultProxy) -> AsyncIterator[Bus]:
    """A connection of ours behind the proxy."""
    settings = BusSettings(nats_url=proxy.url, ping_interval_s=PING_S, max_backoff_s=0.2)
    bus = await Bus.connect(settings, name="far")
    yield bus
    await bus.close()


@pytest.fixture
async def near(bus: Bus) -> Bus:
    """A connection of ours that nothing happens to."""
    return bus
