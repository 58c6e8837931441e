"""API keys: who has one is let in as whom it names, until it is revoked; everybody else is not."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from multidict import CIMultiDict

from bus import Bus, BusSettings
from gateway import AccessSettings, Gateway, GatewaySettings
from tests.flow.gateway.access.conftest import CLOSED, OPEN, Keys
from tests.support.keys import bearer, key_for, revoke
from tests.support.nats import NatsServer, until

ADD = f"/mcp/call/{OPEN}/add"
SUM = {"left": 2, "right": 3}


async def test_a_call_without_credentials_is_refused_and_told_what_would_help(client: aiohttp.ClientSession) -> None:
    async with client.post(ADD, json=SUM) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == "unauthenticated"
        assert answer.headers["WWW-Authenticate"] == 'Bearer scope="call"'


@pytest.mark.parametrize("header", ["Authorization", "X-Api-Key"])
async def test_a_key_lets_in_by_either_header(client: aiohttp.ClientSession, keys: Keys, header: str) -> None:
    shown = (await keys("alice", "call"))["Authorization"]
    value = shown if header == "Authorization" else shown.removeprefix("Bearer ")
    async with client.post(ADD, json=SUM, headers={header: value}) as answer:
        assert (answer.status, await answer.json()) == (200, {"sum": 5})


async def test_a_key_that_was_never_made_opens_nothing(client: aiohttp.ClientSession) -> None:
    async with client.post(ADD, json=SUM, headers=bearer("omk_" + "A" * 43)) as answer:
        assert answer.status == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_an_expired_key_opens_nothing(client: aiohttp.ClientSession, keys: Keys) -> None:
    shown = await keys("alice", "call", expires_in=-1.0)
    async with client.post(ADD, json=SUM, headers=shown) as answer:
        assert answer.status == 401
        assert "expired" in (await answer.json())["error"]["message"]


async def test_a_key_without_the_scope_is_told_which_one_is_needed(client: aiohttp.ClientSession, keys: Keys) -> None:
    async with client.post(ADD, json=SUM, headers=await keys("alice", "discover")) as answer:
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "insufficient_scope"
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="call"'


@pytest.mark.parametrize(
    "head",
    [
        [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        [("Authorization", "Bearer a"), ("X-Api-Key", "omk_" + "A" * 43)],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer a b")],
        [("Authorization", "Bearer a,b")],
    ],
)
async def test_credentials_that_cannot_be_read_are_a_bad_request(
    client: aiohttp.ClientSession, head: list[tuple[str, str]]
) -> None:
    async with client.post(ADD, json=SUM, headers=CIMultiDict(head)) as answer:
        assert answer.status == 400
        assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", ["access_token", "api_key"])
async def test_a_key_in_the_url_is_refused_even_beside_a_good_one(
    client: aiohttp.ClientSession, keys: Keys, name: str
) -> None:
    shown = await keys("alice", "admin")
    async with client.get(f"/metrics?{name}={shown['Authorization'][7:]}", headers=shown) as answer:
        assert answer.status == 400


async def test_a_revoked_key_is_refused_by_every_gateway_within_a_second(
    bus: Bus, settings: BusSettings, gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    other_bus = await Bus.connect(settings, name="other gateway")
    other = Gateway(
        other_bus, GatewaySettings(port=0, doors={}, drain_s=0.2), AccessSettings(authentication="required")
    )
    await other.start()
    try:
        key = await key_for(bus, "alice", "call")
        urls = (gateway.url + ADD, other.url + ADD)

        async def statuses() -> list[int]:
            found = []
            for url in urls:
                async with client.post(url, json=SUM, headers=bearer(key)) as answer:
                    found.append(answer.status)
            return found

        async def both(status: int) -> bool:
            return await statuses() == [status, status]

        await until(lambda: both(200), what="the key is known to both")
        await revoke(bus, key)
        await until(lambda: both(401), within=1.0, what="the key opens nothing any more")
    finally:
        await other.stop()
        await other_bus.close()


async def test_a_revocation_whose_word_was_lost_holds_within_a_second_too(
    bus: Bus, gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = await keys("alice", "call")
    feed = gateway.doorkeeper._feed
    assert feed is not None and feed._subscription is not None
    await feed._subscription.stop()
    await bus.flush()
    await revoke(bus, shown["Authorization"][7:])

    async def refused() -> bool:
        async with client.post(ADD, json=SUM, headers=shown) as answer:
            return answer.status == 401

    await until(refused, within=1.0, what="the key opens nothing any more")


async def test_known_keys_open_what_they_opened_while_the_bus_was_away_and_back(
    nats_server: NatsServer, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = await keys("alice", "call")
    nats_server.restart()

    async def answered() -> bool:
        async with client.post(ADD, json=SUM, headers=shown) as answer:
            assert answer.status != 401
            return answer.status == 200

    await until(answered, within=15, what="calls work again")


async def test_a_rotation_of_keys_under_load_fails_no_call(
    bus: Bus, gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = [await keys("alice", "call")]
    stop = asyncio.Event()
    statuses: list[int] = []

    async def load() -> None:
        while not stop.is_set():
            async with client.post(ADD, json=SUM, headers=shown[-1]) as answer:
                statuses.append(answer.status)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(load())
        for _ in range(5):
            shown.append(await keys("alice", "call"))
            seen = len(statuses)
            await until(lambda seen=seen: len(statuses) > seen + 8)
            await revoke(bus, shown[-2]["Authorization"][7:])
        stop.set()
    assert set(statuses) == {200}


async def test_the_name_of_a_key_reaches_tools_by_every_way(
    gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = await keys("alice", "call discover:tag=x")
    async with client.post(f"/mcp/call/{OPEN}/who", json={}, headers=shown) as answer:
        assert await answer.json() == {"caller": "alice", "scopes": ["call", "discover:tag=x"]}
    async with client.post(f"/mcp/call/{OPEN}/who_by_context", json={}, headers=shown) as answer:
        assert await answer.json() == {"caller": "alice"}
    async with client.post(f"{gateway.door_urls[CLOSED]}/mcp/call/who", json={}, headers=shown) as answer:
        assert (await answer.json())["caller"] == "alice"
