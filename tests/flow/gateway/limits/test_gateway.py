"""A gateway that lets nobody ask for too much: what a client is told, and that every slot comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bus import Bus, Federation
from gateway import Gateway, GatewaySettings
from members import Member
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.support.http_mcp import Caller
from tests.support.nats import until
from tests.support.redis import RedisServer

pytestmark = pytest.mark.timeout(60)

ADD = f"/mcp/call/{SUBJECT}/add"
WAIT = f"/mcp/call/{SUBJECT}/wait"
NUMBERS = {"left": 1, "right": 2}


@asynccontextmanager
async def limited(bus: Bus, **limits: Any) -> AsyncIterator[tuple[Gateway, aiohttp.ClientSession]]:
    gateway = Gateway(bus, GatewaySettings(port=0, doors={}, drain_s=1, **limits))
    await gateway.start()
    try:
        async with aiohttp.ClientSession(gateway.url, timeout=aiohttp.ClientTimeout(total=20)) as client:
            yield gateway, client
    finally:
        await gateway.stop()


async def test_nothing_is_limited_or_told_by_default(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    async with client.get("/mcp/resources/omega/directory/tags") as answer:
        assert answer.status == 200
        assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers)


async def test_a_client_is_told_what_is_left_and_then_refused(member: Member, bus: Bus) -> None:
    async with limited(bus, requests_per_minute=3) as (_, client):
        told = []
        for _ in range(4):
            async with client.post(ADD, json=NUMBERS) as answer:
                told.append((answer.status, answer.headers["RateLimit"].partition(";t=")[0]))
                policy, refused, wait = answer.headers["RateLimit-Policy"], await answer.json(), answer.headers
        assert policy == '"requests";q=3;w=60'
        assert told == [(200, f'"requests";r={left}') for left in (2, 1, 0)] + [(429, '"requests";r=0')]
        assert refused["error"]["code"] == "rate_limited"
        assert refused["error"]["retryable"] is True
        assert int(wait["Retry-After"]) == refused["error"]["details"]["retry_after_s"] > 1


async def test_a_refused_call_never_reaches_the_bus(member: Member, bus: Bus) -> None:
    heard: list[str] = []
    subscription = bus.listen(f"omega.call.{SUBJECT}.>", lambda message: heard.append(message.subject))
    async with limited(bus, requests_per_minute=1) as (_, client):
        for _ in range(5):
            async with client.post(ADD, json=NUMBERS):
                pass
    await bus.flush()
    assert len(heard) == 1
    await subscription.stop()


async def test_health_is_told_however_much_was_asked(member: Member, bus: Bus) -> None:
    async with limited(bus, requests_per_minute=1) as (_, client):
        for path in ("/health/live", "/health/ready", "/health/live"):
            async with client.get(path) as answer:
                assert answer.status == 200
                assert "RateLimit" not in answer.headers


@pytest.mark.parametrize("path", ["/mcp", f"/servers/{SUBJECT}/mcp"])
async def test_an_mcp_client_is_refused_in_its_own_terms(member: Member, bus: Bus, path: str) -> None:
    async with limited(bus, requests_per_minute=2) as (_, http):
        client = Caller(http, path)
        for _ in range(2):
            assert (await client.modern("tools/list")).status == 200
        told = await client.modern("tools/list")
        assert told.status == 429
        assert told.last["jsonrpc"] == "2.0"
        assert told.last["error"]["data"]["code"] == "rate_limited"
        assert int(told.headers["Retry-After"]) > 1
        assert told.headers["RateLimit-Policy"] == '"requests";q=2;w=60'


async def test_a_batch_costs_what_is_in_it(member: Member, bus: Bus) -> None:
    async with limited(bus, requests_per_minute=20) as (_, http):
        client = Caller(http, f"/servers/{SUBJECT}/mcp")
        await client.initialize("2025-03-26")
        ping = [{"jsonrpc": "2.0", "id": id, "method": "ping"} for id in range(30)]
        assert (await client.post(ping)).status == 429
        assert (await client.post(ping[:10])).status == 200


# calls to one member ----------------------------------------------------------------------------------------------


async def test_a_member_is_asked_no_more_than_it_should_be_whichever_way(member: Member, bus: Bus) -> None:
    async with limited(bus, member_calls_per_minute=3) as (_, http):
        call = {"name": "add", "arguments": NUMBERS}
        async with http.post(ADD, json=NUMBERS) as answer:
            assert answer.status == 200
        assert (await Caller(http, f"/servers/{SUBJECT}/mcp").modern("tools/call", call)).status == 200
        whole = Caller(http, "/mcp")
        exposed = {"name": f"{SUBJECT}__add", "arguments": NUMBERS}
        assert (await whole.modern("tools/call", exposed)).status == 200
        for refused in (await whole.modern("tools/call", exposed), await whole.modern("tools/call", exposed)):
            assert (refused.status, refused.last["error"]["data"]["code"]) == (429, "rate_limited")
        assert (await whole.modern("tools/list")).status == 200, "lists are not calls"
        async with http.post(ADD, json=NUMBERS) as answer:
            assert answer.status == 429


async def test_refusals_are_in_the_trail_once_a_minute(member: Member, bus: Bus, federation: Federation) -> None:
    events: list[dict[str, Any]] = []

    async def watch() -> None:
        async for event in federation.events():
            if event.get("code") == "rate_limited":
                events.append(event)

    watching = asyncio.create_task(watch())
    async with limited(bus, requests_per_minute=1, member_calls_per_minute=1) as (_, client):
        for _ in range(6):
            async with client.post(ADD, json=NUMBERS):
                pass
        await until(lambda: events)
    watching.cancel()
    (told,) = events
    assert (told["kind"], told["caller"], told["path"]) == ("access-denied", "127.0.0.1", ADD)


# at the same time ---------------------------------------------------------------------------------------------------


async def test_one_more_at_the_same_time_is_refused(member: Member, bus: Bus, told: Told) -> None:
    async with limited(bus, requests_at_once=1) as (gateway, client):
        waiting = asyncio.create_task(_status(client, WAIT))
        await until(told.started.is_set)
        assert await _status(client, ADD) == 429
        told.go_on.set()
        assert await waiting == 200
        assert await _status(client, ADD) == 200
        await until(lambda: not len(gateway.limiter.slots))


async def test_a_client_that_went_away_gives_its_slot_back(member: Member, bus: Bus, told: Told) -> None:
    async with limited(bus, requests_at_once=30) as (gateway, client):
        for _ in range(3):
            calls = [asyncio.create_task(_status(client, WAIT)) for _ in range(30)]
            await until(lambda: len(gateway.limiter.slots) == 30)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await until(lambda: not len(gateway.limiter.slots))
        assert await _status(client, ADD) == 200


async def test_every_way_out_gives_the_slot_back(member: Member, bus: Bus) -> None:
    async with limited(bus, requests_at_once=4, requests_per_minute=30) as (gateway, client):
        paths = [ADD, f"/mcp/call/{SUBJECT}/crash", f"/mcp/call/{SUBJECT}/refuse", "/mcp/call/nobody/x", "/no/such"]
        for _ in range(10):
            await asyncio.gather(*(_status(client, path) for path in paths))
        await until(lambda: not len(gateway.limiter.slots))


async def test_a_stream_holds_a_slot_until_it_ends(member: Member, bus: Bus) -> None:
    async with limited(bus, requests_at_once=2) as (gateway, http):
        client = Caller(http, "/mcp")
        await client.initialize()
        for _ in range(3):
            async with client.stream(b"", client.legacy_head(Accept="text/event-stream"), "GET") as stream:
                assert stream.answer.status == 200
                assert len(gateway.limiter.slots) == 1
                assert stream.answer.headers["RateLimit-Policy"] == '"at-once";q=2;qu="concurrent-requests"'
            await until(lambda: not len(gateway.limiter.slots))


# together -----------------------------------------------------------------------------------------------------------


async def test_two_gateways_count_together(member: Member, bus: Bus, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        shared = {"requests_per_minute": 10, "redis_url": redis.url, "redis_patience_s": 1.0}
        async with limited(bus, **shared) as (one, here), limited(bus, **shared) as (other, there):
            for gateway in (one, other):
                await until(lambda: gateway.limiter.shared, within=15)  # noqa: B023
            told = [await _status(client, ADD) for _ in range(6) for client in (here, there)]
            assert told == [200] * 10 + [429] * 2
            redis.kill()
            assert await _status(here, ADD) == 200, "each counts for itself, from the beginning"
            assert await _status(there, ADD) == 200
    finally:
        redis.stop()


async def _status(client: aiohttp.ClientSession, path: str) -> int:
    async with client.post(path, json=NUMBERS if path == ADD else {}) as answer:
        await answer.read()
        return answer.status
