"""Every route that a running gateway has is in the table, and asks what the table says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp import web

from bus.access import Right
from gateway import AccessSettings, Gateway
from gateway.access.rules import NEEDS, Need, need_of
from tests.flow.gateway.access.conftest import CLOSED, Keys
from tests.support.authorization_server import AuthorizationServer, authorization_server

PLACES = {"id": CLOSED, "service": CLOSED, "tool": "add"}


@pytest.fixture
async def issuer() -> AsyncIterator[AuthorizationServer]:
    async with authorization_server() as server:
        yield server


@pytest.fixture
def access(issuer: AuthorizationServer) -> AccessSettings:
    return AccessSettings.model_validate({"authentication": "required", "oauth_issuers": [issuer.issuer]})


def routes(gateway: Gateway) -> Iterator[tuple[str, str, str]]:
    """Base URL, method and path of every route of every port."""
    urls = [gateway.url, *gateway.door_urls.values()]
    for url, listener in zip(urls, gateway._listeners, strict=True):
        app = listener.runner.app
        for route in app.router.routes():
            assert route.resource is not None
            yield url, route.method, route.resource.canonical


async def statuses(client: aiohttp.ClientSession, url: str, method: str, head: dict[str, str]) -> list[int]:
    found = []
    for each in ("GET", "POST", "DELETE", "PUT") if method == "*" else (method,):
        async with client.request(each, url, headers=head) as answer:
            found.append(answer.status)
    return found


async def test_every_route_is_in_the_table_and_every_line_of_the_table_is_a_route(gateway: Gateway) -> None:
    found = {(method, path) for _, method, path in routes(gateway)}
    assert len(found) > 20
    assert [route for route in found if need_of(*route) is None] == []
    assert set(NEEDS) <= found


async def test_nobody_gets_past_a_route_that_is_not_open(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    for base, method, path in routes(gateway):
        need = need_of(method, path)
        assert need is not None
        for status in await statuses(client, base + path.format(**PLACES), method, {}):
            assert (status not in (401, 403)) if need.open else (status == 401), (method, path, status)


async def test_a_key_of_other_rights_gets_no_further_than_its_rights(
    gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = {right: await keys(right.value, right.value) for right in Right if right is not Right.ADMIN}
    for base, method, path in routes(gateway):
        need = need_of(method, path) or Need()
        for right, head in shown.items():
            refused = bool(need.rights) and right not in need.rights
            for status in await statuses(client, base + path.format(**PLACES), method, head):
                assert (status == 403) is refused, (method, path, right, status)
                assert status != 401


async def test_an_administrator_gets_everywhere(gateway: Gateway, client: aiohttp.ClientSession, keys: Keys) -> None:
    shown = await keys("root", "admin")
    for base, method, path in routes(gateway):
        for status in await statuses(client, base + path.format(**PLACES), method, shown):
            assert status not in (401, 403), (method, path, status)


async def test_a_route_that_was_forgotten_in_the_table_is_for_nobody(
    gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    async def forgotten(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    router = gateway._listeners[0].runner.app.router
    router._frozen = False
    router.add_get("/forgotten", forgotten)
    for head, status in (({}, 401), (await keys("root", "admin"), 403)):
        async with client.get("/forgotten", headers=head) as answer:
            assert answer.status == status


async def test_a_path_that_is_not_there_is_not_there_for_everybody(client: aiohttp.ClientSession) -> None:
    async with client.get("/nothing/here") as answer:
        assert answer.status == 404


async def test_the_description_says_what_each_operation_asks(
    gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    async with client.get("/openapi.json", headers=await keys("alice", "discover")) as answer:
        told = await answer.json()
    assert set(told["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert told["paths"]["/health"]["get"]["security"] == []
    call = told["paths"]["/mcp/call/{service}/{tool}"]["post"]
    assert call["security"] == [{"bearer": ["call"]}, {"apiKey": ["call"]}]
    assert {"401", "403"} <= call["responses"].keys()
