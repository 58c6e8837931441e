"""A federation with a gateway, for programs that are run against it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bus import Bus
from directory import Directory
from gateway import Gateway, GatewaySettings

ANALYZER = "code_analyzer_fastmcp"


@pytest.fixture
async def gateway(bus: Bus, directory: Directory) -> AsyncIterator[Gateway]:
    """A gateway with one door."""
    gateway = Gateway(bus, GatewaySettings(port=0, doors={0: ANALYZER}, drain_s=2))
    await gateway.start()
    yield gateway
    await gateway.stop()
