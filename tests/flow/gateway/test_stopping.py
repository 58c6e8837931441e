from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from bus import Bus
from gateway import Gateway, GatewaySettings
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.support.nats import until


def _call(client: aiohttp.ClientSession, gateway: Gateway) -> asyncio.Task[int]:
    async def call() -> int:
        async with client.post(f"{gateway.url}/mcp/call/{SUBJECT}/wait", json={}) as answer:
            return answer.status

    return asyncio.create_task(call())


async def _refuses(gateway: Gateway) -> bool:
    parts = urlsplit(gateway.url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


@pytest.mark.usefixtures("member")
async def test_what_is_in_flight_finishes_while_new_connections_are_refused(
    gateway: Gateway, client: aiohttp.ClientSession, told: Told
) -> None:
    call = _call(client, gateway)
    async with asyncio.timeout(5):
        await told.started.wait()
        with capture_logs() as logs:
            stopping = asyncio.create_task(gateway.stop())
            await until(lambda: "gateway_stopping" in [line["event"] for line in logs])
        assert await _refuses(gateway)
        told.go_on.set()
        assert await call == 200
        await stopping


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("gateway_settings", [GatewaySettings(port=0, doors={}, drain_s=0.4)])
async def test_what_does_not_finish_in_time_is_cancelled_at_its_member(
    gateway: Gateway, client: aiohttp.ClientSession, told: Told
) -> None:
    call = _call(client, gateway)
    async with asyncio.timeout(5):
        await told.started.wait()
        await gateway.stop()
        await told.cancelled.wait()
        with pytest.raises(aiohttp.ClientError):
            await call


async def test_idle_connections_do_not_delay_the_end(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async with client.get("/health") as answer:
        await answer.read()
    async with asyncio.timeout(1):
        await gateway.stop()


async def test_stopping_twice_is_stopping_once(bus: Bus) -> None:
    gateway = Gateway(bus, GatewaySettings(port=0, doors={}))
    await gateway.start()
    await gateway.stop()
    await gateway.stop()


async def test_the_gateway_answers_nats_micro(gateway: Gateway, bus: Bus) -> None:
    reply = await bus.request("$SRV.PING.omega-gateway", b"")
    assert b'"name":"omega-gateway"' in reply.data
