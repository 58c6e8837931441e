"""Many requests and handlers on one connection: what one of them does wrong stays its own affair."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from bus import Bus, Message
from bus.errors import InvalidRequest, TooLarge
from tests.support.bare_nats import bare_client
from tests.support.nats import NatsServer, until

MANY = 1_000
TOO_LARGE = bytes(2 << 20)


# what a failed request leaves behind ----------------------------------------------------------------------------------


async def test_the_bare_client_keeps_an_entry_of_every_request_that_could_not_be_sent(nats_server: NatsServer) -> None:
    async with bare_client(nats_server.url) as client:
        for _ in range(MANY):
            with pytest.raises(nats.errors.MaxPayloadError):
                await client.request("anybody", TOO_LARGE)
        assert len(client._resp_map) == MANY


@pytest.mark.parametrize(
    ("subject", "body", "error"), [("anybody", TOO_LARGE, TooLarge), ("no subject", b"", InvalidRequest)]
)
async def test_a_request_that_could_not_be_sent_leaves_nothing_behind(
    bus: Bus, subject: str, body: bytes, error: type[Exception]
) -> None:
    for _ in range(MANY):
        with pytest.raises(error):
            await bus.request(subject, body, timeout=5)
    assert (bus.waiting, len(bus.clock)) == (0, 0)


# handlers beside each other -------------------------------------------------------------------------------------------


async def test_the_bare_client_runs_the_handlers_of_a_subscription_one_after_another(nats_server: NatsServer) -> None:
    async with bare_client(nats_server.url) as client:

        async def nap(message: Any) -> None:
            await asyncio.sleep(0.15)
            await message.respond(b"")

        await client.subscribe("nap", cb=nap)
        assert await seconds_for_four(client) > 0.55


async def test_a_slow_handler_holds_up_nobody(bus: Bus) -> None:
    async def nap(message: Message) -> None:
        await asyncio.sleep(0.15)
        bus.respond(message, b"")

    await bus.subscribe("nap", nap)
    assert await seconds_for_four(bus) < 0.45


async def seconds_for_four(client: Client | Bus) -> float:
    before = time.perf_counter()
    await asyncio.gather(*(client.request("nap", b"", timeout=5) for _ in range(4)))
    return time.perf_counter() - before


@pytest.mark.parametrize("way", ["listen", "subscribe"])
async def test_a_handler_that_raises_harms_nobody(bus: Bus, way: str) -> None:
    heard: list[bytes] = []

    def bad(message: Message) -> None:
        if message.data == b"bad":
            raise RuntimeError("boom")
        heard.append(message.data)

    async def bad_too(message: Message) -> None:
        bad(message)

    if way == "listen":
        bus.listen("news", bad)
    else:
        await bus.subscribe("news", bad_too)
    bus.listen("other", lambda m: bus.respond(m, b"fine"))
    for body in (b"one", b"bad", b"two"):
        await bus.publish("news", body)
    assert (await bus.request("other", b"")).data == b"fine"
    await until(lambda: len(heard) == 2)
    assert heard == [b"one", b"two"]


# more than a handler can take -----------------------------------------------------------------------------------------


async def test_the_bare_client_drops_what_a_slow_handler_has_not_taken_yet(nats_server: NatsServer) -> None:
    heard: list[bytes] = []
    async with bare_client(nats_server.url) as client:

        async def slowly(message: Any) -> None:
            await asyncio.sleep(0.001)
            heard.append(message.data)

        await client.subscribe("flood", cb=slowly, pending_msgs_limit=50)  # half a million unless told otherwise
        for number in range(500):
            await client.publish("flood", str(number).encode())
        await client.flush()
        await until(lambda: len(heard) >= 50)
        await asyncio.sleep(0.1)
        assert len(heard) < 500


async def test_a_flood_of_messages_is_heard_whole_and_in_order(bus: Bus) -> None:
    heard: list[int] = []
    bus.listen("flood", lambda m: heard.append(int(m.data)))
    for number in range(20_000):
        await bus.publish("flood", str(number).encode())
    await bus.flush()
    assert heard == list(range(20_000))


# what cannot be written on the wire -----------------------------------------------------------------------------------


async def test_the_bare_client_lets_a_subject_carry_commands_when_its_checks_are_off(nats_server: NatsServer) -> None:
    """Its checks came with 2.16, and one option ends them."""
    heard: list[bytes] = []
    async with bare_client(nats_server.url, skip_subject_validation=True) as client:

        async def hear(message: Any) -> None:
            heard.append(message.data)

        await client.subscribe("secret", cb=hear)
        await client.publish("a 0\r\n\r\nPUB secret", b"told")
        await until(lambda: heard)


@pytest.mark.parametrize("subject", ["", "a b", "a\tb", "a 0\r\n\r\nPUB secret", "a\n"])
async def test_a_subject_with_white_space_is_refused_at_every_door(bus: Bus, subject: str) -> None:
    for send in (bus.publish(subject, b""), bus.request(subject, b"")):
        with pytest.raises(InvalidRequest):
            await send
    with pytest.raises(InvalidRequest):
        bus.listen(subject, lambda m: None)
    await bus.flush()


async def test_line_breaks_in_a_header_cannot_add_another(bus: Bus) -> None:
    bus.listen("echo", lambda m: bus.respond(m, b"", dict(m.headers)))
    reply = await bus.request("echo", b"", headers={"A": "1\r\nB: 2\r\n\r\nPUB secret 0\r\n"})
    assert dict(reply.headers) == {"A": "1  B: 2    PUB secret 0"}
    for name in ("", "A: 1\r\nB", "A B", "Ä"):
        with pytest.raises(InvalidRequest):
            await bus.request("echo", b"", headers={name: "x"})


async def test_a_header_named_twice_counts_as_the_last_one_and_its_case_is_kept(
    bus: Bus, nats_server: NatsServer
) -> None:
    heard: list[dict[str, str]] = []
    bus.listen("twice", lambda m: heard.append(dict(m.headers)))
    await bus.flush()
    block = b"NATS/1.0\r\nA: 1\r\na: 2\r\nA: 3\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", nats_server.port)
    writer.write(b'CONNECT {"headers": true}\r\nHPUB twice %d %d\r\n%s\r\n' % (len(block), len(block), block))
    await until(lambda: heard)
    writer.close()
    await writer.wait_closed()
    assert heard == [{"A": "3", "a": "2"}]
