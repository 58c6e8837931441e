"""A client that says it is connected and hears nothing: how the bare one becomes it, and ours does not."""

from __future__ import annotations

import asyncio

import pytest
from nats.errors import FlushTimeoutError
from nats.errors import TimeoutError as NatsTimeout

from bus import Bus
from bus.errors import Disconnected
from tests.support.bare_nats import bare_client
from tests.support.fault_proxy import Direction, FaultProxy
from tests.support.nats import NatsServer, until

BROKEN_INFO = b"INFO {\r\n"


async def test_the_bare_client_hears_nothing_after_a_late_pong(proxy: FaultProxy, near: Bus) -> None:
    heard: list[bytes] = []
    async with bare_client(proxy.url) as client:

        async def hear(message: object) -> None:
            heard.append(b"")

        await client.subscribe("news", cb=hear)
        await client.flush()
        proxy.hold(Direction.TO_CLIENT)
        with pytest.raises(FlushTimeoutError):
            await client.flush(0.1)  # type: ignore[arg-type]  # says int and takes a float
        proxy.release()
        await until(lambda: client._reading_task is not None and client._reading_task.done())
        await near.publish("news", b"")
        await near.flush()
        with pytest.raises(NatsTimeout):
            await client.rtt(0.2)  # type: ignore[arg-type]
        assert client.is_connected
    assert heard == []


async def test_a_late_pong_harms_nothing(proxy: FaultProxy, far: Bus, near: Bus) -> None:
    heard = asyncio.Event()
    far.listen("news", lambda m: heard.set())
    proxy.hold(Direction.TO_CLIENT)
    with pytest.raises(Disconnected):
        await far.flush(0.1)
    proxy.release()
    await far.flush()
    await near.publish("news", b"")
    async with asyncio.timeout(2):
        await heard.wait()
    assert proxy.accepted == 1


async def test_a_late_pong_does_not_confirm_what_was_sent_after_it(proxy: FaultProxy, far: Bus) -> None:
    proxy.hold(Direction.TO_CLIENT)
    with pytest.raises(Disconnected):
        await far.flush(0.1)
    proxy.hold(Direction.TO_SERVER)
    proxy.release(Direction.TO_CLIENT)
    with pytest.raises(Disconnected):
        await far.flush(0.2)


async def test_the_bare_client_hears_nothing_after_a_line_it_cannot_read(proxy: FaultProxy) -> None:
    async with bare_client(proxy.url) as client:
        proxy.inject(BROKEN_INFO)
        await until(lambda: client._reading_task is not None and client._reading_task.done())
        with pytest.raises(NatsTimeout):
            await client.rtt(0.2)  # type: ignore[arg-type]
        assert client.is_connected


async def test_a_line_that_cannot_be_read_is_a_lost_connection_and_a_new_one(
    proxy: FaultProxy, far: Bus, near: Bus
) -> None:
    far.listen("echo", lambda m: far.respond(m, m.data))
    returned = asyncio.Event()
    far.on_return(returned.set)
    proxy.inject(BROKEN_INFO)
    async with asyncio.timeout(2):
        await returned.wait()
    assert (await near.request("echo", b"again")).data == b"again"


async def test_the_bare_client_is_ended_by_anybodys_subject(nats_server: NatsServer, near: Bus) -> None:
    async with bare_client(nats_server.url) as client:
        await client.subscribe("free.*")
        await client.flush()
        await publish_raw(nats_server, b"free.\xff\xfe")
        await until(lambda: client._reading_task is not None and client._reading_task.done())
        assert client.is_connected


async def test_a_subject_that_is_no_text_is_a_message_like_any_other(nats_server: NatsServer, near: Bus) -> None:
    heard: list[str] = []
    near.listen("free.*", lambda m: heard.append(m.subject))
    await near.flush()
    await publish_raw(nats_server, b"free.\xff\xfe")
    await until(lambda: heard)
    assert (heard, near.connected) == (["free.\ufffd\ufffd"], True)


async def publish_raw(server: NatsServer, subject: bytes) -> None:
    """A publish as a client writes it that checks nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"CONNECT {}\r\nPUB " + subject + b" 0\r\n\r\nPING\r\n")
    async with asyncio.timeout(2):
        while b"PONG" not in await reader.readline():
            pass
    writer.close()
    await writer.wait_closed()
