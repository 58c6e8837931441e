"""Thousands of connections that say nothing or never finish: they keep nobody out, at the main port and at a door."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from urllib.parse import urlsplit

import aiohttp
import pytest

from bus import Bus
from gateway import Gateway, GatewaySettings
from members import Member
from tests.flow.attacks.conftest import Raw, head, once, status
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.support.nats import until

pytestmark = pytest.mark.timeout(120)

PATIENCE = 0.5
SLOW = GatewaySettings(
    port=0, doors={0: SUBJECT}, idle_timeout_s=PATIENCE, body_timeout_s=PATIENCE, send_timeout_s=PATIENCE, drain_s=1
)


async def dripping(raw: Raw, data: bytes) -> None:
    for byte in data:
        raw.writer.write(bytes([byte]))
        await asyncio.sleep(PATIENCE / 20)


@pytest.mark.parametrize("gateway_settings", [SLOW])
@pytest.mark.parametrize(
    "begun",
    [
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        head("POST /mcp", "Content-Type: application/json", "Content-Length: 100000"),
        head("POST /mcp", "Content-Type: application/json", "Transfer-Encoding: chunked") + b"10\r\n",
        b"",
    ],
    ids=["a head", "a body", "a chunk", "nothing"],
)
async def test_what_comes_drop_by_drop_is_cut_off(port: int, begun: bytes) -> None:
    raw = await Raw.to(port)
    raw.writer.write(begun)
    drops = asyncio.create_task(dripping(raw, b"x" * 10_000 if begun else b""))
    answer = b""
    async with asyncio.timeout(PATIENCE * 10 + 6):  # the rest of a refused body is read for a while
        with contextlib.suppress(ConnectionResetError):  # we were sending when it was closed
            answer = await raw.reader.read()
    assert status(answer) in (0, 400, 408)
    drops.cancel()
    await asyncio.gather(drops, return_exceptions=True)
    raw.close()


@pytest.mark.parametrize("gateway_settings", [GatewaySettings(port=0, doors={}, max_connections=100, drain_s=1)])
async def test_at_the_limit_the_idle_make_room_for_who_asks(
    gateway: Gateway, member: Member, client: aiohttp.ClientSession, told: Told
) -> None:
    async def waits() -> int:
        async with client.post(f"/mcp/call/{SUBJECT}/wait", json={}) as answer:
            return answer.status

    working = asyncio.create_task(waits())
    await until(told.started.is_set)
    port = urlsplit(gateway.url).port or 0
    idle = [await Raw.to(port) for _ in range(500)]
    for number, raw in enumerate(idle):
        if number % 2:
            raw.writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
    for _ in range(20):
        assert status(await once(port, head("GET /health/live"))) == 200
    told.go_on.set()
    assert await working == 200, "a request in hand was given up for a connection that says nothing"
    ended = [raw for raw in idle if raw.reader.at_eof()]
    assert len(ended) >= 390
    for raw in idle:
        raw.close()


async def test_ten_thousand_connections_keep_nobody_out(bus: Bus, member: Member) -> None:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, most // 2 - 500)  # both ends are here
    if count < 1_000:
        pytest.skip("this process may open too few files")
    settings = GatewaySettings(port=0, doors={}, max_connections=count // 2, idle_timeout_s=100, drain_s=0.5)
    gateway = Gateway(bus, settings)
    await gateway.start()
    port = urlsplit(gateway.url).port or 0
    held: list[Raw] = []
    try:
        async with aiohttp.ClientSession(gateway.url) as client:
            for _ in range(0, count, 250):
                held += await asyncio.gather(*(Raw.to(port) for _ in range(250)))
                async with (
                    asyncio.timeout(10),
                    client.post(f"/mcp/call/{SUBJECT}/add", json={"left": 1, "right": 2}) as answer,
                ):
                    assert await answer.json() == {"sum": 3}
        assert len(held) >= count
        assert status(await once(port, head("GET /health/live"))) == 200
    finally:
        for raw in held:
            raw.close()
        await asyncio.sleep(0)
        await gateway.stop()
