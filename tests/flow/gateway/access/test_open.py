"""A loopback gateway that asks for nothing: as it always was, unless somebody shows what it was told to look at."""

from __future__ import annotations

import aiohttp
import pytest

from bus import Bus, Message
from gateway import AccessSettings, Gateway
from tests.flow.gateway.access.conftest import OPEN
from tests.support.keys import bearer, key_for
from tests.support.nats import until

WHO = f"/mcp/call/{OPEN}/who"


@pytest.fixture
def access() -> AccessSettings:
    return AccessSettings()


async def test_nobody_is_asked_and_nobody_is_named(bus: Bus, client: aiohttp.ClientSession) -> None:
    heard: list[Message] = []
    bus.listen("omega.call.>", heard.append)
    await bus.flush()
    for head in ({}, {"Omega-Caller": "root"}, bearer("whatever a client is used to send"), bearer("omk_" + "A" * 43)):
        async with client.post(WHO, json={}, headers=head) as answer:
            assert await answer.json() == {"caller": None, "scopes": []}
    assert len(heard) == 4
    assert all("Omega-Caller" not in message.headers for message in heard)


async def test_the_description_asks_for_nothing(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as answer:
        told = await answer.json()
    assert "securitySchemes" not in told["components"]
    async with client.get("/.well-known/oauth-protected-resource") as answer:
        assert answer.status == 404


class TestWithKeysThatAreLookedAt:
    @pytest.fixture
    def access(self) -> AccessSettings:
        return AccessSettings(api_keys=True)

    async def test_who_shows_a_key_is_somebody_and_who_shows_a_bad_one_is_refused(
        self, bus: Bus, gateway: Gateway, client: aiohttp.ClientSession
    ) -> None:
        known = gateway.doorkeeper.keys
        assert known is not None
        key = await key_for(bus, "alice", "discover")
        await until(lambda: len(known.known) == 1)
        async with client.post(WHO, json={}) as answer:
            assert answer.status == 200
        async with client.post(WHO, json={}, headers=bearer(key)) as answer:
            assert answer.status == 403
        async with client.post(WHO, json={}, headers=bearer("omk_" + "A" * 43)) as answer:
            assert answer.status == 401
