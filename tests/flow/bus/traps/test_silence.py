"""A server that is frozen, a network that swallows everything, a socket that takes nothing: noticed in bounded time."""

from __future__ import annotations

import asyncio
import time

import nats
import pytest

from bus import Bus, BusSettings, Message
from bus.errors import Disconnected, FederationError, OutcomeUnknown
from bus.wire import HIGH_WATER, MOST_UNSENT
from tests.flow.bus.traps.conftest import PING_S
from tests.support.bare_nats import bare_client
from tests.support.fault_proxy import Direction, FaultProxy
from tests.support.nats import NatsServer, until

BOUND_S = 2 * PING_S
SLACK_S = 1.5
LONGER_S = BOUND_S + 0.5
PIECE = bytes(64 << 10)


async def hears_again(bus: Bus) -> bool:
    """Whether a subscription made long ago is heard, asked over the connection itself."""
    try:
        return (await bus.request("echo", b"again", timeout=0.5)).data == b"again"
    except FederationError:
        return False


# frozen ---------------------------------------------------------------------------------------------------------------


async def test_the_bare_client_thinks_a_frozen_server_is_there(nats_server: NatsServer) -> None:
    """Three ping intervals of two minutes long, unless told otherwise."""
    async with bare_client(nats_server.url) as client:
        nats_server.pause()
        try:
            with pytest.raises(nats.errors.TimeoutError):
                await client.request("anybody", timeout=LONGER_S)
            assert client.is_connected
        finally:
            nats_server.resume()


async def test_a_frozen_server_is_noticed_in_time_and_found_again(nats_server: NatsServer, far: Bus) -> None:
    far.listen("echo", lambda m: far.respond(m, m.data))
    await far.flush()
    nats_server.pause()
    try:
        before = time.perf_counter()
        with pytest.raises(OutcomeUnknown):
            await far.request("echo", b"", timeout=30)
        assert time.perf_counter() - before < BOUND_S + SLACK_S
        before = time.perf_counter()
        with pytest.raises(Disconnected):
            await far.request("echo", b"", timeout=30)
        assert time.perf_counter() - before < 0.25
    finally:
        nats_server.resume()
    await until(lambda: hears_again(far))


async def test_a_server_that_only_paused_is_not_given_up(nats_server: NatsServer, far: Bus, proxy: FaultProxy) -> None:
    for _ in range(4):
        nats_server.pause()
        await asyncio.sleep(0.6 * PING_S)
        nats_server.resume()
        await far.flush()
    assert (far.connected, proxy.accepted) == (True, 1)


async def test_our_own_standing_still_is_not_taken_for_the_servers(far: Bus, proxy: FaultProxy) -> None:
    for _ in range(2):
        time.sleep(1.2 * BOUND_S)  # noqa: ASYNC251  # what a blocking handler does
        await asyncio.sleep(0.05)
    await far.flush()
    assert proxy.accepted == 1


# half-open ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [Direction.BOTH, Direction.TO_SERVER, Direction.TO_CLIENT])
async def test_a_network_that_swallows_everything_is_noticed_in_time(
    proxy: FaultProxy, far: Bus, direction: Direction
) -> None:
    far.listen("echo", lambda m: far.respond(m, m.data))
    await far.flush()
    before = time.perf_counter()
    proxy.swallow(direction)
    await until(lambda: not far.connected)
    assert time.perf_counter() - before < BOUND_S + SLACK_S
    proxy.heal()
    await until(lambda: hears_again(far))


async def test_the_bare_client_does_not_notice_a_network_that_swallows_everything(proxy: FaultProxy) -> None:
    async with bare_client(proxy.url) as client:
        proxy.swallow()
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("anybody", timeout=LONGER_S)
        assert client.is_connected


async def test_a_slow_network_is_not_given_up(proxy: FaultProxy, far: Bus) -> None:
    far.listen("echo", lambda m: far.respond(m, m.data))
    proxy.delay(0.4 * PING_S)
    await asyncio.sleep(2 * BOUND_S)
    assert (await far.request("echo", b"slow", timeout=5)).data == b"slow"
    assert proxy.accepted == 1


# a socket that takes nothing ------------------------------------------------------------------------------------------


async def test_the_bare_client_waits_for_a_stalled_socket_without_end(proxy: FaultProxy) -> None:
    async with bare_client(proxy.url) as client:
        enough = asyncio.Event()

        async def publish() -> None:
            while not enough.is_set():  # not cancelled: `publish` swallows a cancellation
                await client.publish("bulk", PIECE)

        proxy.hold(Direction.TO_SERVER)
        publishing = asyncio.create_task(publish())
        await asyncio.sleep(BOUND_S)
        held_up_at = client.stats["out_msgs"]
        await asyncio.sleep(0.5)
        assert (client.stats["out_msgs"], client.is_connected) == (held_up_at, True)
        enough.set()
        proxy.release()
        await publishing


async def test_who_publishes_to_a_stalled_socket_is_told_in_time(proxy: FaultProxy, far: Bus) -> None:
    proxy.hold(Direction.TO_SERVER)
    before = time.perf_counter()
    with pytest.raises(Disconnected):
        while True:
            await far.publish("bulk", PIECE)
    assert time.perf_counter() - before < BOUND_S + SLACK_S


async def test_many_who_publish_to_a_stalled_socket_fill_no_memory(proxy: FaultProxy, far: Bus) -> None:
    proxy.hold(Direction.TO_SERVER)
    most = 0

    async def publish() -> None:
        nonlocal most
        while True:
            await far.publish("bulk", PIECE)
            most = max(most, far._wire.backlog() if far._wire is not None else 0)

    results = await asyncio.gather(*(publish() for _ in range(200)), return_exceptions=True)
    assert all(isinstance(result, Disconnected) for result in results)
    assert HIGH_WATER < most <= HIGH_WATER + 2 * len(PIECE)


async def test_answers_that_nobody_takes_fill_no_memory(proxy: FaultProxy, far: Bus) -> None:
    proxy.hold(Direction.TO_SERVER)
    assert far._wire is not None
    with pytest.raises(Disconnected, match="takes nothing"):
        while True:
            far.send("bulk", PIECE)
    assert far._wire.backlog() <= MOST_UNSENT + 2 * len(PIECE)


async def test_publishing_over_a_slow_network_goes_on_for_longer_than_the_bound(proxy: FaultProxy, near: Bus) -> None:
    heard: list[int] = []
    near.listen("bulk", lambda m: heard.append(len(m.data)))
    await near.flush()
    settings = BusSettings(nats_url=proxy.url, ping_interval_s=1.5)  # the kernel's own buffers hold a second's worth
    far = await Bus.connect(settings, name="far")
    proxy.delay(0.05)
    for _ in range(320):
        await far.publish("bulk", PIECE)
    await far.flush(10)
    await far.close()
    await until(lambda: len(heard) == 320)
    assert proxy.accepted == 1


async def test_who_is_cut_off_for_reading_too_slowly_hears_again(
    nats_server: NatsServer, proxy: FaultProxy, far: Bus, near: Bus
) -> None:
    """The server ends a connection that takes nothing of what waits for it; that costs one connection."""
    nats_server.reload(nats_server.config + 'write_deadline: "200ms"\n')
    proxy.cut()  # what was open before keeps the old deadline
    await until(lambda: proxy.accepted == 2 and far.connected)
    heard: list[Message] = []
    far.listen("bulk", heard.append)
    far.listen("echo", lambda m: far.respond(m, m.data))
    await far.flush()
    proxy.hold(Direction.TO_CLIENT)
    for _ in range(200):
        await near.publish("bulk", PIECE)
    await until(lambda: not far.connected)
    proxy.heal()
    await until(lambda: hears_again(far))
