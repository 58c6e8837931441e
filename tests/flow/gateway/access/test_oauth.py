"""Access tokens of a real authorization server: what holds lets in, and each thing that is wrong with one does not."""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import httpx
import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import RSAKey
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from gateway import AccessSettings, Gateway
from gateway.access import issuers
from tests.flow.gateway.access.conftest import CLOSED, OPEN, Keys
from tests.flow.gateway.access.test_scopes import ADD, Holder
from tests.support.authorization_server import AuthorizationServer, authorization_server
from tests.support.keys import bearer
from tests.support.nats import until

CALL = f"/mcp/call/{OPEN}/add"


@pytest.fixture
async def issuer() -> AsyncIterator[AuthorizationServer]:
    async with authorization_server() as server:
        yield server


@pytest.fixture
def access(issuer: AuthorizationServer) -> AccessSettings:
    return AccessSettings.model_validate(
        {"oauth_issuers": [{**issuer.issuer, "scopes": {"tools:closed": f"call:member={CLOSED}"}}]}
    )


async def status(client: aiohttp.ClientSession, token: str, url: str = CALL) -> tuple[int, str]:
    async with client.post(url, json=ADD, headers=bearer(token)) as answer:
        return answer.status, answer.headers.get("WWW-Authenticate", "")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
async def test_a_good_token_lets_in_as_its_subject(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer, algorithm: str
) -> None:
    issuer.rotate(algorithm)
    async with client.post(f"/mcp/call/{OPEN}/who", json={}, headers=bearer(issuer.token(gateway.url))) as answer:
        assert await answer.json() == {"caller": "oauth:alice", "scopes": ["call", "discover"]}


async def test_a_token_is_verified_once_and_the_keys_are_fetched_once(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer
) -> None:
    token = issuer.token(gateway.url)
    for _ in range(20):
        assert (await status(client, token))[0] == 200
    assert issuer.asked == 1


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "for another resource": {"aud": "https://elsewhere.example/mcp"},
    "for another server of this gateway": {"aud": "{base}/servers/other/mcp"},
    "for the federation only": {"aud": "{base}/mcp"},
    "for nobody": {"aud": None},
    "for a prefix of us": {"aud": "http://127.0.0.1"},
    "expired": {"exp": NOW - 1},
    "never ending": {"exp": None},
    "ending at a word": {"exp": "tomorrow"},
    "not begun": {"nbf": NOW + 3_600},
    "issued in the future": {"iat": NOW + 3_600},
    "of another issuer": {"iss": "https://evil.example"},
    "of nobody": {"sub": None},
    "of an empty subject": {"sub": ""},
    "bound to a key": {"cnf": {"jkt": "abc"}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_token_with_one_thing_wrong_opens_nothing(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer, wrong: dict[str, Any]
) -> None:
    claims = {
        name: value.format(base=gateway.url) if name == "aud" and value else value for name, value in wrong.items()
    }
    audience = claims.pop("aud", gateway.url)
    found, challenge = await status(client, issuer.token(audience, **claims))
    assert found == 401
    assert 'error="invalid_token"' in challenge
    metadata = f'resource_metadata="{gateway.url}/.well-known/oauth-protected-resource"'
    assert metadata in challenge


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _joined(head: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_base64(orjson.dumps(head))}.{_base64(orjson.dumps(claims))}"


def _unsigned(server: AuthorizationServer, audience: str) -> str:
    return _joined({"alg": "none", "typ": "at+jwt"}, server.claims(audience)) + "."


def _with_the_public_key_as_secret(server: AuthorizationServer, audience: str) -> str:
    public = server.keys[server.current].as_pem(private=False)
    signed = _joined({"alg": "HS256", "kid": server.current}, server.claims(audience))
    return f"{signed}.{_base64(hmac.digest(public, signed.encode(), 'sha256'))}"


def _of_a_strange_key(server: AuthorizationServer, audience: str) -> str:
    head = {"alg": "RS256", "kid": server.current}
    return jwt.encode(head, server.claims(audience), RSAKey.generate_key(2048), algorithms=["RS256"])


def _with_a_key_of_its_own_in_the_head(server: AuthorizationServer, audience: str) -> str:
    own = RSAKey.generate_key(2048)
    head = {"alg": "RS256", "jwk": own.as_dict(private=False)}
    return jwt.encode(head, server.claims(audience), own, algorithms=["RS256"])


def _changed(server: AuthorizationServer, audience: str) -> str:
    head, _, signature = server.token(audience).split(".")
    return f"{head}.{_base64(orjson.dumps(server.claims(audience, scope='admin')))}.{signature}"


def _critical(server: AuthorizationServer, audience: str) -> str:
    key = server.keys[server.current].raw_value
    signed = _joined({"alg": "RS256", "kid": server.current, "crit": ["x"], "x": 1}, server.claims(audience))
    return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _an_id_token(server: AuthorizationServer, audience: str) -> str:
    return server.token(audience, header={"typ": "logout+jwt"})


FORGERIES = [
    _unsigned,
    _with_the_public_key_as_secret,
    _of_a_strange_key,
    _with_a_key_of_its_own_in_the_head,
    _changed,
    _critical,
    _an_id_token,
]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.strip("_"))
async def test_a_forged_token_opens_nothing(
    gateway: Gateway,
    client: aiohttp.ClientSession,
    issuer: AuthorizationServer,
    forge: Callable[[AuthorizationServer, str], str],
) -> None:
    assert (await status(client, issuer.token(gateway.url)))[0] == 200
    assert (await status(client, forge(issuer, gateway.url)))[0] == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "e30.e30.e30", "a" * 7_000])
async def test_what_is_no_token_is_an_invalid_one(client: aiohttp.ClientSession, token: str) -> None:
    assert (await status(client, token))[0] == 401


async def test_a_token_is_good_for_the_one_resource_it_names(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer
) -> None:
    resources = ["/mcp", f"/servers/{OPEN}/mcp", f"/servers/{CLOSED}/mcp"]
    for named in resources:
        for asked in resources:
            told = await Holder(client, asked, bearer(issuer.token(gateway.url + named))).modern("tools/list")
            assert told.status == (200 if asked == named else 401), (named, asked)
    door = gateway.door_urls[CLOSED]
    for audience, expected in ((f"{door}/mcp", 200), (door, 200), (f"{gateway.url}/mcp", 401), (gateway.url, 401)):
        told = await Holder(client, f"{door}/mcp", bearer(issuer.token(audience))).modern("tools/list")
        assert told.status == expected, audience


async def test_a_client_finds_its_way_from_the_refusal_to_the_authorization_server(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer
) -> None:
    door = gateway.door_urls[CLOSED]
    for base, path in ((gateway.url, "/mcp"), (gateway.url, f"/servers/{OPEN}/mcp"), (door, "/mcp")):
        async with client.post(base + path, json={}) as answer:
            assert answer.status == 401
            challenge = answer.headers["WWW-Authenticate"]
        url = challenge.partition('resource_metadata="')[2].partition('"')[0]
        assert url == f"{base}/.well-known/oauth-protected-resource{path}"
        assert 'scope="discover call"' in challenge
        async with client.get(url) as answer:
            told = await answer.json()
        assert told["resource"] == base + path
        assert told["authorization_servers"] == [issuer.url]
        assert told["bearer_methods_supported"] == ["header"]
        assert told["scopes_supported"] == ["discover", "call", "register", "observe"]


async def test_the_issuers_own_scopes_mean_what_the_settings_say(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer
) -> None:
    token = issuer.token(gateway.url, scope="openid tools:closed")
    assert (await status(client, token, f"/mcp/call/{CLOSED}/add"))[0] == 200
    found, challenge = await status(client, token)
    assert (found, 'error="insufficient_scope", scope="call"' in challenge) == (403, True)
    assert (await status(client, issuer.token(gateway.url, scope=None, scp=["call"])))[0] == 200


async def test_a_new_key_is_learnt_of_when_it_is_first_used_and_an_old_one_goes_on(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "LEAST_PAUSE_S", 0.0)
    old = issuer.token(gateway.url)
    assert (await status(client, old))[0] == 200
    issuer.rotate("ES256")
    assert (await status(client, issuer.token(gateway.url)))[0] == 200
    assert (await status(client, old))[0] == 200
    issuer.rotate("ES256", keep=False)
    assert (await status(client, issuer.token(gateway.url)))[0] == 200
    assert (await status(client, old))[0] == 401  # its key is shown no more, and what was remembered counts no more


async def test_unknown_keys_make_nobody_ask_the_issuer_again_and_again(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer
) -> None:
    assert (await status(client, issuer.token(gateway.url)))[0] == 200
    answers = [status(client, issuer.token(gateway.url, header={"kid": f"unknown-{n}"})) for n in range(40)]
    assert {found for found, _ in await asyncio.gather(*answers)} == {401}
    assert issuer.asked <= 2


async def test_an_issuer_that_is_away_is_told_as_that_and_known_keys_go_on(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "LEAST_PAUSE_S", 0.0)
    issuer.away = True
    async with client.post(CALL, json=ADD, headers=bearer(issuer.token(gateway.url))) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (503, "issuer_unavailable")
    issuer.away = False
    assert (await status(client, issuer.token(gateway.url)))[0] == 200
    issuer.away = True
    assert (await status(client, issuer.token(gateway.url, jti="another")))[0] == 200


async def test_a_rotation_of_the_issuers_keys_under_load_fails_no_call(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "LEAST_PAUSE_S", 0.0)
    stop, found = asyncio.Event(), list[int]()

    async def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            found.append((await status(client, issuer.token(gateway.url, jti=str(number))))[0])

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(load())
        for _ in range(4):
            seen = len(found)
            await until(lambda seen=seen: len(found) > seen + 10)
            issuer.rotate("ES256")
        stop.set()
    assert set(found) == {200}


async def test_a_token_and_a_key_are_two_principals_even_of_one_name(
    gateway: Gateway, client: aiohttp.ClientSession, issuer: AuthorizationServer, keys: Keys
) -> None:
    alice = Holder(client, "/mcp", await keys("alice", "call discover"))
    await alice.initialize()
    alice.shown = bearer(issuer.token(f"{gateway.url}/mcp"))
    assert (await alice.legacy("tools/list")).status == 404


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_works_with_a_bearer_token_in_both_eras(
    gateway: Gateway, issuer: AuthorizationServer, mode: str
) -> None:
    url = f"{gateway.url}/servers/{OPEN}/mcp"
    async with (
        httpx.AsyncClient(headers=bearer(issuer.token(url))) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as official,
    ):
        told = await official.call_tool("who", {})
        assert told.structured_content == {"caller": "oauth:alice", "scopes": ["call", "discover"]}
