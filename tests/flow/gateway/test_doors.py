from __future__ import annotations

import socket
from collections.abc import Iterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from bus import Bus
from gateway import AccessSettings, CannotListen, Gateway, GatewaySettings
from members import Member
from tests.flow.gateway.conftest import SUBJECT


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, doors={0: SUBJECT}, drain_s=2)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


async def test_a_door_takes_calls_of_its_member(
    gateway: Gateway, client: aiohttp.ClientSession, member: Member
) -> None:
    url = f"{gateway.door_urls[SUBJECT]}/mcp/call/add"
    async with client.post(url, json={"left": 2, "right": 3}) as answer:
        assert (answer.status, await answer.json()) == (200, {"sum": 5})


async def test_a_door_shows_the_health_of_its_member(
    gateway: Gateway, client: aiohttp.ClientSession, member: Member
) -> None:
    async with client.get(f"{gateway.door_urls[SUBJECT]}/health") as answer:
        health = await answer.json()
    assert answer.status == 200
    assert set(health) == {"status", "id", "service", "type", "name", "version", "timestamp"}
    assert (health["status"], health["id"], health["type"], health["name"]) == ("healthy", SUBJECT, "tool", "Subject")


async def test_a_door_of_a_member_that_is_not_there_says_so(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{gateway.door_urls[SUBJECT]}/health") as answer:
        assert (answer.status, (await answer.json())["status"]) == (503, "unhealthy")
    async with client.post(f"{gateway.door_urls[SUBJECT]}/mcp/call/add", json={}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "unknown_member")


async def test_a_door_shows_nothing_else(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    for path in ("/mcp/resources/omega/directory/servers", "/mcp/call/other/add", "/metrics", "/docs"):
        async with client.get(gateway.door_urls[SUBJECT] + path) as answer:
            assert answer.status == 404, path


async def test_the_endpoints_of_a_member_with_a_door_name_the_door(
    gateway: Gateway, client: aiohttp.ClientSession, member: Member
) -> None:
    door = gateway.door_urls[SUBJECT]
    async with client.get(f"/mcp/resources/omega/directory/servers/{SUBJECT}") as answer:
        assert (await answer.json())["endpoints"] == {"mcp": f"{door}/mcp", "health": f"{door}/health"}


async def test_a_door_describes_itself(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{gateway.door_urls[SUBJECT]}/openapi.json") as answer:
        described = await answer.json()
    assert set(described["paths"]) == {"/mcp/call/{tool}", "/health", "/openapi.json"}
    assert described["servers"] == [{"url": gateway.door_urls[SUBJECT]}]


async def test_a_member_may_have_two_doors(bus: Bus, member: Member) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        second = holder.getsockname()[1]
    gateway = Gateway(bus, GatewaySettings(port=0, doors={0: SUBJECT, second: SUBJECT}))
    await gateway.start()
    try:
        for door in (gateway.door_urls[SUBJECT], f"http://127.0.0.1:{second}"):
            async with aiohttp.ClientSession() as session, session.get(f"{door}/health") as answer:
                assert answer.status == 200
    finally:
        await gateway.stop()


async def test_a_taken_door_is_reported_by_port_and_stops_nothing(bus: Bus, taken: int) -> None:
    gateway = Gateway(bus, GatewaySettings(port=0, doors={taken: SUBJECT, 0: "other"}))
    with capture_logs() as logs:
        await gateway.start()
    try:
        assert set(gateway.door_urls) == {"other"}
        (line,) = [line for line in logs if line["event"] == "door_not_opened"]
        assert (line["log_level"], line["port"], line["member"]) == ("error", taken, SUBJECT)
        assert str(taken) in line["reason"]
    finally:
        await gateway.stop()


async def test_a_taken_main_port_is_a_clear_error_and_leaves_nothing_open(bus: Bus, taken: int) -> None:
    gateway = Gateway(bus, GatewaySettings(port=taken, doors={0: SUBJECT}))
    with pytest.raises(CannotListen, match=f"127.0.0.1 port {taken}: .*in use") as caught:
        await gateway.start()
    assert (caught.value.port, caught.value.host) == (taken, "127.0.0.1")
    assert gateway.door_urls == {}


async def test_an_address_that_is_not_ours_is_a_clear_error(bus: Bus) -> None:
    asking = AccessSettings(authentication="required")
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        await Gateway(bus, GatewaySettings(host="192.0.2.1", port=0, doors={}), asking).start()


async def test_localhost_is_served_on_every_address_it_has(bus: Bus) -> None:
    gateway = Gateway(bus, GatewaySettings(host="localhost", port=0, doors={}))
    await gateway.start()
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{gateway.url}/health/live") as answer:
            assert answer.status == 200
    finally:
        await gateway.stop()
