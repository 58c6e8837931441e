"""A member whose connection is lost is asked at once, and is stale only where nobody listens any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bus import Bus, BusSettings, Message
from directory import Directory, DirectorySettings
from directory.partings import GRACE_S, LOST
from tests.support.commands import running
from tests.support.federation import calculator, running_directory, running_member
from tests.support.nats import NatsServer, until

MEMBER = """
import asyncio
from members import Member
member = Member("mortal", heartbeat_interval_s=30)
asyncio.run(member.run())
"""


@pytest.fixture
def rules(nats_server: NatsServer) -> DirectorySettings:
    """The documented rules, with the server's own events to hear."""
    return DirectorySettings(system_url=SecretStr(nats_server.system_url))


@pytest.fixture
async def hearing(settings: BusSettings, rules: DirectorySettings) -> AsyncIterator[Directory]:
    async with running_directory(settings, rules) as directory:
        await until(lambda: directory._partings is not None and directory._partings._system.connected)
        yield directory


async def test_a_killed_member_is_stale_long_before_its_lease_is_over(
    hearing: Directory, settings: BusSettings
) -> None:
    async with running([sys.executable, "-c", MEMBER], {"OMEGA_NATS_URL": settings.nats_url}) as process:
        await until(lambda: hearing.index.registry.count("active") == 1, within=30)
        loop = asyncio.get_running_loop()
        killed = loop.time()
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: hearing.index.registry.count("stale") == 1, within=10)
        took = loop.time() - killed
    assert took < 5  # one second on a quiet machine; the lease is 90


async def test_a_member_that_left_is_gone_and_not_stale(hearing: Directory, settings: BusSettings) -> None:
    async with running_member(calculator(), settings):
        assert hearing.index.registry.count("active") == 1
    await until(lambda: len(hearing.index.registry) == 0)


async def test_a_connection_that_was_only_cut_condemns_nobody(
    hearing: Directory, settings: BusSettings, bus: Bus
) -> None:
    bus_of_the_member = await Bus.connect(settings, name="omega:member/calculator")
    async with calculator().serving(bus_of_the_member):
        told: list[Message] = []
        bus.listen("omega.event.stale.>", told.append)
        lost = asyncio.Event()
        assert hearing._partings is not None
        hearing._partings._system.listen(LOST, lambda _: lost.set())
        await hearing._partings._system.flush()
        assert bus_of_the_member._wire is not None
        bus_of_the_member._wire._transport.close()
        async with asyncio.timeout(5):
            await lost.wait()
        await until(lambda: bus_of_the_member.connected)
        await asyncio.sleep(2 * GRACE_S)  # nothing shall come of it, and nothing tells when
        assert hearing.index.registry.count("active") == 1
        assert told == []
    await bus_of_the_member.close()


async def test_a_system_account_that_does_not_let_us_in_changes_nothing(
    settings: BusSettings, nats_server: NatsServer
) -> None:
    wrong = SecretStr(nats_server.system_url.replace("hears-all", "guessed"))
    async with (
        running_directory(settings, DirectorySettings(system_url=wrong)) as directory,
        running_member(calculator(), settings),
    ):
        assert directory.index.registry.count("active") == 1
