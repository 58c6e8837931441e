"""What a server says with `-ERR`: the bare client is closed for good, ours comes back with all it listened to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from structlog.testing import capture_logs

from bus import Bus, BusSettings
from bus.errors import Disconnected, NotAllowed, TooLarge
from tests.support.bare_nats import bare_client
from tests.support.fault_proxy import FaultProxy
from tests.support.nats import NatsServer, until

OPEN = """
listen: "127.0.0.1:{port}"
server_name: test
ports_file_dir: "{directory}"
"""
GUEST = '{{ user: guest, password: guest, permissions: {{ publish: {{ deny: "secret.>" }} }} }}'
HOST = "{{ user: host, password: host }}"
BOTH = OPEN + f"authorization {{{{ users: [ {HOST}, {GUEST} ] }}}}\n"
EXPIRED = b"-ERR 'User Authentication Expired'\r\n"
HOST_ONLY = OPEN + f"authorization {{{{ users: [ {HOST} ] }}}}\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server with two users, one of whom may be sent away."""
    directory = tmp_path / "guarded"
    directory.mkdir()
    server = NatsServer(directory, config=BOTH)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def guest(server: NatsServer) -> AsyncIterator[Bus]:
    bus = await Bus.connect(as_user(server, "guest"), name="guest")
    yield bus
    await bus.close()


@pytest.fixture
async def host(server: NatsServer) -> AsyncIterator[Bus]:
    bus = await Bus.connect(as_user(server, "host"), name="host")
    yield bus
    await bus.close()


def as_user(server: NatsServer, user: str) -> BusSettings:
    return BusSettings(nats_url=url_of(server, user), ping_interval_s=0.5, max_backoff_s=0.1)


def url_of(server: NatsServer, user: str) -> str:
    return f"nats://{user}:{user}@127.0.0.1:{server.port}"


# too large ------------------------------------------------------------------------------------------------------------


async def test_the_bare_client_is_closed_for_good_by_headers_above_the_limit(nats_server: NatsServer) -> None:
    async with bare_client(nats_server.url) as client:
        await client.publish("big", b"x" * (client.max_payload - 10), headers={"H": "y" * 100})
        await until(lambda: client.is_closed)


async def test_a_message_is_refused_when_its_headers_lift_it_above_the_limit(bus: Bus) -> None:
    heard: list[int] = []
    bus.listen("big", lambda m: heard.append(len(m.data)))
    with pytest.raises(TooLarge):
        await bus.publish("big", b"x" * ((1 << 20) - 10), {"H": "y" * 100})
    largest = (1 << 20) - 512 - len("NATS/1.0\r\nH: y\r\n\r\n")
    await bus.publish("big", b"x" * largest, {"H": "y"})
    await bus.flush()
    assert heard == [largest]


async def test_a_limit_that_sinks_while_connected_is_known_after_a_lost_connection_at_most(
    server: NatsServer, host: Bus
) -> None:
    await host.publish("big", b"x" * 100_000)
    server.reload(BOTH + "max_payload: 64KB\n")

    async def refused() -> bool:
        try:
            await host.publish("big", b"x" * 100_000)
        except TooLarge:
            return True
        except Disconnected:
            pass
        return False

    await until(refused)


# sent away ------------------------------------------------------------------------------------------------------------


async def test_the_bare_client_is_closed_for_good_when_its_login_expires(proxy: FaultProxy) -> None:
    async with bare_client(proxy.url) as client:
        proxy.inject(EXPIRED)
        await until(lambda: client.is_closed)


async def test_a_login_that_expires_costs_one_connection(proxy: FaultProxy, far: Bus, near: Bus) -> None:
    far.listen("echo", lambda m: far.respond(m, m.data))
    await far.flush()
    with capture_logs() as logs:
        proxy.inject(EXPIRED)
        await until(lambda: "bus_complains" in [line["event"] for line in logs])
        proxy.cut()  # as the server does after this word
        await until(lambda: proxy.accepted == 2 and far.connected)
    await far.flush()
    assert (await near.request("echo", b"again")).data == b"again"
    assert [line["reason"] for line in logs if line["event"] == "bus_lost"] == ["user authentication expired"]


async def test_the_bare_client_is_closed_for_good_when_its_user_is_sent_away_for_a_while(server: NatsServer) -> None:
    limits = {"max_reconnect_attempts": 3, "reconnect_time_wait": 0.02}  # 60 and 2 s unless told otherwise
    async with bare_client(url_of(server, "guest"), **limits) as client:
        server.reload(HOST_ONLY)
        await until(lambda: client.is_closed)
        server.reload(BOTH)
        with pytest.raises(NatsError):
            await client.publish("still.there", b"")


async def test_a_user_that_is_sent_away_and_let_in_again_hears_all_it_listened_to(
    server: NatsServer, guest: Bus, host: Bus
) -> None:
    guest.listen("echo", lambda m: guest.respond(m, m.data))
    await guest.subscribe("other.*", echo_on(guest), queue="q")
    server.reload(HOST_ONLY)
    await until(lambda: not guest.connected)
    server.reload(BOTH)
    await until(lambda: guest.connected)
    await guest.flush()
    for subject in ("echo", "other.one"):
        assert (await host.request(subject, b"again")).data == b"again"


def echo_on(bus: Bus):  # type: ignore[no-untyped-def]  # a handler, as `Bus.subscribe` wants one
    async def echo(message: object) -> None:
        bus.respond(message, message.data)  # type: ignore[arg-type, attr-defined]

    return echo


# too many -------------------------------------------------------------------------------------------------------------


async def test_the_bare_client_is_closed_for_good_when_there_are_too_many(server: NatsServer) -> None:
    async with bare_client(url_of(server, "guest")) as one, bare_client(url_of(server, "guest")) as other:
        server.reload(BOTH + "max_connections: 1\n")
        await until(lambda: one.is_closed or other.is_closed)


async def test_who_was_one_too_many_comes_back_when_there_is_room(server: NatsServer, guest: Bus, host: Bus) -> None:
    for bus in (guest, host):
        bus.listen(bus.name, lambda m, bus=bus: bus.respond(m, b"here"))  # type: ignore[misc]
    server.reload(BOTH + "max_connections: 1\n")
    await until(lambda: guest.connected != host.connected)
    server.reload(BOTH)
    await until(lambda: guest.connected and host.connected)
    await asyncio.gather(guest.flush(), host.flush())
    assert (await guest.request("host", b"")).data == (await host.request("guest", b"")).data == b"here"


# not allowed ----------------------------------------------------------------------------------------------------------


async def test_the_bare_client_is_told_of_a_missing_permission_in_a_callback_only(server: NatsServer) -> None:
    told: list[str] = []

    async def tell(exc: Exception) -> None:
        told.append(str(exc))

    async with bare_client(url_of(server, "guest"), error_cb=tell) as client:
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("secret.plan", timeout=0.2)
    assert any("permissions violation" in line for line in told)


async def test_a_missing_permission_is_logged_once_and_ends_nothing(server: NatsServer, guest: Bus, host: Bus) -> None:
    guest.listen("echo", lambda m: guest.respond(m, m.data))
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(NotAllowed, match=r"secret\.plan"):
                await guest.request("secret.plan", b"", timeout=20)
    reasons = [line["reason"] for line in logs if line["event"] == "bus_complains"]
    assert len(reasons) == 1
    assert "secret.plan" in reasons[0]
    assert (await host.request("echo", b"still")).data == b"still"
