"""A server that is away or says no: how long the bare client goes on, and how ours does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import psutil
import pytest
from structlog.testing import capture_logs

from bus import Bus, BusSettings
from bus.errors import BusRefuses
from tests.support.bare_nats import bare_client, bare_dialler
from tests.support.fault_proxy import FaultProxy
from tests.support.nats import NatsServer, until


def stranger(server: NatsServer) -> str:
    return f"nats://stranger:wrong@127.0.0.1:{server.port}"


# away -----------------------------------------------------------------------------------------------------------------


async def test_the_bare_client_gives_up_after_so_many_attempts(proxy: FaultProxy) -> None:
    limits = {"max_reconnect_attempts": 3, "reconnect_time_wait": 0.02}  # 60 and 2 s unless told otherwise
    async with bare_client(proxy.url, **limits) as client:
        proxy.refuse()
        proxy.cut()
        await until(lambda: client.is_closed)


async def test_a_server_that_was_away_for_many_attempts_is_found_again(proxy: FaultProxy, far: Bus, near: Bus) -> None:
    far.listen("echo", lambda m: far.respond(m, m.data))
    await far.flush()
    with capture_logs() as logs:
        proxy.refuse()
        proxy.cut()
        await until(lambda: far._supervisor._servers.next()[0].failures > 10)
        await proxy.accept()
        await until(lambda: far.connected)
    await far.flush()
    assert (await near.request("echo", b"again")).data == b"again"
    assert [line["event"] for line in logs].count("bus_not_reached") == 1


async def test_the_bare_clients_dial_all_at_the_same_pace() -> None:
    async with dead_end() as (port, dials), bare_dialler(f"nats://127.0.0.1:{port}", reconnect_time_wait=0.1):
        await until(lambda: len(dials) >= 6)
    pauses = [later - earlier for earlier, later in pairwise(dials)]
    assert max(pauses) - min(pauses) < 0.05


async def test_our_dials_are_spread() -> None:
    async with dead_end() as (port, dials):
        bus = Bus(BusSettings(nats_url=f"nats://127.0.0.1:{port}", max_backoff_s=0.4), "test")
        bus.open_later()
        await until(lambda: len(dials) >= 12)
        await bus.close()
    pauses = [later - earlier for earlier, later in pairwise(dials)][4:]
    assert max(pauses) - min(pauses) > 0.05


@asynccontextmanager
async def dead_end() -> AsyncIterator[tuple[int, list[float]]]:
    """A port where every connection ends at once, and when they came."""
    dials: list[float] = []

    async def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dials.append(asyncio.get_running_loop().time())
        writer.close()

    server = await asyncio.start_server(end, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], dials
    finally:
        server.close()


# a refused login ------------------------------------------------------------------------------------------------------


async def test_the_bare_client_dials_a_server_that_refuses_it_without_end(nats_server: NatsServer) -> None:
    options = {"reconnect_time_wait": 0.01, "max_reconnect_attempts": -1}
    async with bare_dialler(stranger(nats_server), **options) as (client, dialling):
        await until(lambda: len(client.opened) > 10)
        assert not dialling.done()


async def test_a_refused_login_is_reported_in_time_and_in_words(nats_server: NatsServer) -> None:
    settings = BusSettings(nats_url=stranger(nats_server), connect_timeout_s=0.3, max_backoff_s=0.1)
    with pytest.raises(BusRefuses, match=r"127\.0\.0\.1:\d+ does not let us in: Authorization Violation"):
        await Bus.connect(settings)


async def test_a_login_that_stays_refused_is_logged_once_and_tried_ever_less_often(nats_server: NatsServer) -> None:
    bus = Bus(BusSettings(nats_url=stranger(nats_server), max_backoff_s=0.02), "stranger")
    before = psutil.Process().num_fds()
    with capture_logs() as logs:
        bus.open_later()
        await until(lambda: bus._supervisor._servers.next()[0].failures > 5)
        await bus.close()
    assert psutil.Process().num_fds() <= before
    assert [(line["event"], line["reason"]) for line in logs if line["log_level"] != "debug"] == [
        ("bus_not_reached", "Authorization Violation")
    ]


async def test_a_first_connection_that_came_late_is_not_called_regained(proxy: FaultProxy) -> None:
    bus = Bus(BusSettings(nats_url=proxy.url, max_backoff_s=0.1), "late")
    proxy.refuse()
    with capture_logs() as logs:
        bus.open_later()
        await until(lambda: "bus_not_reached" in [line["event"] for line in logs])
        await proxy.accept()
        await until(lambda: "bus_connected" in [line["event"] for line in logs])
        await bus.close()
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == ["bus_not_reached", "bus_connected"]
