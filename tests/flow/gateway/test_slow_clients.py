"""Clients that are slow on purpose hold a connection for a bounded time and nobody else's."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from bus import Bus, Message
from gateway import Gateway, GatewaySettings
from tests.flow.gateway.conftest import SUBJECT
from tests.support.nats import until

PATIENCE = 0.4


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(
        port=0, doors={}, idle_timeout_s=PATIENCE, body_timeout_s=PATIENCE, send_timeout_s=PATIENCE, drain_s=1
    )


async def _connection(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(gateway.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _dripping(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send one byte at a time, for as long as the other side takes them."""
    for byte in data:
        try:
            writer.write(bytes([byte]))
            await writer.drain()
        except ConnectionError:
            return
        await asyncio.sleep(PATIENCE / 10)


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "], ids=["silent", "half a head"]
)
async def test_a_head_that_never_ends_is_cut_off(gateway: Gateway, begun: bytes) -> None:
    reader, writer = await _connection(gateway)
    writer.write(begun)
    drip = asyncio.create_task(_dripping(writer, b"x" * 1_000 if begun else b""))
    async with asyncio.timeout(PATIENCE * 10):
        assert await reader.read() == b""
    drip.cancel()
    writer.close()


async def test_a_body_that_never_ends_is_refused_in_time(gateway: Gateway) -> None:
    reader, writer = await _connection(gateway)
    head = b"POST /mcp/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    writer.write(head)
    drip = asyncio.create_task(_dripping(writer, b" " * 1_000))
    async with asyncio.timeout(PATIENCE * 10):
        answer = await reader.readuntil(b"}}")
    assert b" 408 " in answer
    assert b'"request_timeout"' in answer
    drip.cancel()
    writer.close()


async def test_a_hundred_slow_clients_do_not_slow_the_others(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    slow = [await _connection(gateway) for _ in range(100)]
    for _, writer in slow:
        writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
    async with asyncio.timeout(2), client.get("/health") as answer:
        assert answer.status == 200
    async with asyncio.timeout(PATIENCE * 10):
        await asyncio.gather(*(reader.read() for reader, _ in slow))
    for _, writer in slow:
        writer.close()


async def test_an_answer_that_is_not_fetched_is_dropped(
    gateway: Gateway, client: aiohttp.ClientSession, bus: Bus
) -> None:
    async def giant(message: Message) -> None:
        bus.respond(message, b'"' + b"x" * 900_000 + b'"')

    await bus.subscribe(f"omega.call.{SUBJECT}.*", giant, "raw")
    parts = urlsplit(gateway.url)
    with socket.socket() as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        greedy.setblocking(False)
        await asyncio.get_running_loop().sock_connect(greedy, (parts.hostname, parts.port))
        request = f"POST /mcp/call/{SUBJECT}/giant HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        for _ in range(8):
            await asyncio.get_running_loop().sock_sendall(greedy, request.encode())

        with capture_logs() as logs:
            await until(lambda: "answer_not_fetched" in [line["event"] for line in logs], within=PATIENCE * 10)
    async with client.get("/metrics") as answer:
        assert "omega_gateway_requests_in_flight 1.0" in await answer.text()
