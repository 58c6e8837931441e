"""The supervised connection against a real server: what ends a bare client does not end it."""

from __future__ import annotations

import asyncio

import pytest

from bus import Bus, BusSettings, Message
from bus.errors import DeadlineExceeded, Disconnected, NoInstance, OutcomeUnknown, TooLarge, UnknownTool
from tests.support.nats import NatsServer, until


async def test_a_request_is_answered(bus: Bus) -> None:
    bus.listen("echo", lambda m: bus.respond(m, m.data, {"X-Seen": "yes"}))
    reply = await bus.request("echo", b"hello", headers={"A": "b"})
    assert (reply.data, reply.headers["X-Seen"]) == (b"hello", "yes")


async def test_a_request_to_nobody_fails_at_once(bus: Bus) -> None:
    with pytest.raises(NoInstance):
        await bus.request("nobody.here", b"", timeout=5)


async def test_an_unanswered_request_ends_at_its_deadline(bus: Bus) -> None:
    bus.listen("silent", lambda m: None)
    with pytest.raises(DeadlineExceeded):
        await bus.request("silent", b"", timeout=0.05)
    assert bus.waiting == 0


async def test_an_error_answer_is_raised_as_its_leaf(bus: Bus) -> None:
    bus.listen("refuse", lambda m: bus.respond_error(m, UnknownTool("no such tool: x", details={"tool": "x"})))
    with pytest.raises(UnknownTool, match="no such tool: x") as caught:
        await bus.request("refuse", b"")
    assert caught.value.details == {"tool": "x"}


async def test_a_message_above_the_limit_is_refused_and_the_connection_lives(bus: Bus) -> None:
    with pytest.raises(TooLarge, match="1048"):
        await bus.publish("big", b"x" * (1 << 20))
    with pytest.raises(TooLarge):
        await bus.publish("big", b"x" * ((1 << 20) - 600), {"H": "y" * 1000})
    await bus.flush()
    assert bus.connected


async def test_a_handler_that_raises_does_not_end_the_connection(bus: Bus) -> None:
    def bad(_: Message) -> None:
        raise RuntimeError("boom")

    bus.listen("bad", bad)
    bus.listen("good", lambda m: bus.respond(m, b"ok"))
    await bus.publish("bad", b"")
    assert (await bus.request("good", b"")).data == b"ok"


async def test_a_late_pong_leaves_the_connection_usable(bus: Bus, nats_server: NatsServer) -> None:
    nats_server.pause()
    try:
        with pytest.raises(Disconnected):
            await bus.flush(0.1)
    finally:
        nats_server.resume()
    bus.listen("after", lambda m: bus.respond(m, b"ok"))
    assert (await bus.request("after", b"")).data == b"ok"


async def test_subscriptions_and_requests_work_after_a_server_restart(bus: Bus, nats_server: NatsServer) -> None:
    bus.listen("echo", lambda m: bus.respond(m, m.data))
    returned = asyncio.Event()
    bus.on_return(returned.set)
    nats_server.kill()
    await until(lambda: not bus.connected)
    with pytest.raises(Disconnected):
        await bus.request("echo", b"", timeout=5)
    nats_server.start()
    async with asyncio.timeout(5):
        await returned.wait()
    assert (await bus.request("echo", b"again")).data == b"again"


async def test_who_waits_when_the_server_dies_is_told_the_outcome_is_unknown(bus: Bus, nats_server: NatsServer) -> None:
    arrived = asyncio.Event()
    bus.listen("slow", lambda m: arrived.set())
    waiting = asyncio.create_task(bus.request("slow", b"", timeout=30))
    async with asyncio.timeout(5):
        await arrived.wait()
    nats_server.kill()
    with pytest.raises(OutcomeUnknown):
        async with asyncio.timeout(5):
            await waiting


async def test_an_error_told_by_the_server_does_not_end_the_connection_by_itself(bus: Bus) -> None:
    bus.listen("echo", lambda m: bus.respond(m, b"ok"))
    assert bus._wire is not None
    await bus._wire._process_err("'invalid subject'")
    assert (await bus.request("echo", b"")).data == b"ok"


async def test_nothing_published_while_the_server_was_away_arrives_later(
    bus: Bus, settings: BusSettings, nats_server: NatsServer
) -> None:
    heard: list[bytes] = []
    bus.listen("ghost", lambda m: heard.append(m.data))
    returned = asyncio.Event()
    bus.on_return(returned.set)
    nats_server.kill()
    assert bus._wire is not None
    bus._wire._write(b"PUB ghost 5\r\nghost\r\n")  # in the buffer, as a publish just before the loss is noticed
    await until(lambda: not bus.connected)
    nats_server.start()
    async with asyncio.timeout(5):
        await returned.wait()
    await bus.publish("ghost", b"alive")
    await until(lambda: heard)
    assert heard == [b"alive"]


async def test_no_server_is_reported_within_the_time_set() -> None:
    with pytest.raises(Disconnected, match=r"127\.0\.0\.1:1"):
        await Bus.connect(BusSettings(nats_url="nats://127.0.0.1:1", connect_timeout_s=0.3))
