"""TLS on every port, client certificates as proof, and certificates that are replaced while calls go on."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bus import Bus
from gateway import AccessSettings, CannotServeTls, Gateway, GatewaySettings
from gateway.access import tls
from tests.flow.gateway.access.conftest import CLOSED, OPEN
from tests.support.certificates import SERVER, Authority, Pair
from tests.support.commands import Ended, run
from tests.support.keys import key_for
from tests.support.nats import until

SPIFFE = "spiffe://example.org/build"
WHO = f"/mcp/call/{OPEN}/who"
curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on this machine")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """An authority that nobody here believes."""
    (tmp_path / "stranger").mkdir()
    return Authority(tmp_path / "stranger", "stranger")


@pytest.fixture
def server(authority: Authority) -> Pair:
    return authority.server()


@pytest.fixture
def required() -> bool:
    """Whether the handshake insists on a client certificate."""
    return False


@pytest.fixture
def access(authority: Authority, server: Pair, required: bool) -> AccessSettings:
    return AccessSettings.model_validate(
        {
            "tls_cert": server.cert,
            "tls_key": server.key,
            "tls_client_ca": authority.file,
            "tls_client_certificate_required": required,
            "api_keys": True,
            "certificate_principals": {
                "CN=alice": {"scopes": "call"},
                f"URI={SPIFFE}": {"name": "build", "scopes": f"call:member={OPEN}"},
                "URI=spiffe://example.org/ops/*": {"name": "ops", "scopes": "admin"},
            },
        }
    )


def context(authority: Authority, client: Pair | None = None) -> ssl.SSLContext:
    found = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority.file)
    if client is not None:
        found.load_cert_chain(client.cert, client.key)
    return found


@pytest.fixture
async def client(gateway: Gateway, authority: Authority) -> AsyncIterator[aiohttp.ClientSession]:
    """Believes the authority, and shows no certificate."""
    connector = aiohttp.TCPConnector(ssl=context(authority))
    async with aiohttp.ClientSession(gateway.url, connector=connector) as session:
        yield session


async def who(gateway: Gateway, authority: Authority, client: Pair | None, url: str = WHO) -> tuple[int, Any]:
    """What a new connection with that certificate is answered."""
    connector = aiohttp.TCPConnector(ssl=context(authority, client))
    async with (
        aiohttp.ClientSession(gateway.url, connector=connector) as session,
        session.post(url, json={}) as answer,
    ):
        return answer.status, await answer.json()


async def test_every_port_speaks_tls_and_says_so(gateway: Gateway, client: aiohttp.ClientSession) -> None:
    assert gateway.url.startswith("https://")
    door = gateway.door_urls[CLOSED]
    assert door.startswith("https://")
    for url in (gateway.url, door):
        async with client.get(f"{url}/health") as answer:
            assert answer.status == 200
    with pytest.raises(aiohttp.ClientError):
        async with client.get(gateway.url.replace("https:", "http:") + "/health"):
            pass


@pytest.mark.parametrize(
    ("name", "uri", "expected"),
    [
        ("alice", None, {"caller": "cert:alice", "scopes": ["call"]}),
        ("whoever", SPIFFE, {"caller": "build", "scopes": [f"call:member={OPEN}"]}),
        ("alice", SPIFFE, {"caller": "build", "scopes": [f"call:member={OPEN}"]}),
        ("whoever", "spiffe://example.org/ops/eve", {"caller": "ops", "scopes": ["admin"]}),
    ],
)
async def test_a_certificate_stands_for_whom_the_settings_say(
    gateway: Gateway, authority: Authority, name: str, uri: str | None, expected: Any
) -> None:
    assert await who(gateway, authority, authority.client(name, uri=uri)) == (200, expected)


@pytest.mark.parametrize(
    ("name", "uri"), [("mallory", None), ("Alice", None), ("x", f"{SPIFFE}/x"), ("*", "spiffe://*")]
)
async def test_a_certificate_of_nobody_proves_nothing(
    gateway: Gateway, authority: Authority, name: str, uri: str | None
) -> None:
    status, told = await who(gateway, authority, authority.client(name, uri=uri))
    assert (status, told["error"]["code"]) == (401, "unauthenticated")


async def test_scopes_hold_for_certificates_and_on_doors(gateway: Gateway, authority: Authority) -> None:
    build = authority.client("x", uri=SPIFFE)
    door = f"{gateway.door_urls[CLOSED]}/mcp/call/who"
    assert (await who(gateway, authority, build, door))[0] == 403
    assert (await who(gateway, authority, authority.client("alice"), door))[0] == 200


async def test_without_a_certificate_a_key_does(
    bus: Bus, gateway: Gateway, client: aiohttp.ClientSession, authority: Authority
) -> None:
    async with client.post(WHO, json={}) as answer:
        assert answer.status == 401
    known = gateway.doorkeeper.keys
    assert known is not None
    head = {"X-Api-Key": await key_for(bus, "bob", "call")}
    await until(lambda: len(known.known) == 1)
    async with client.post(WHO, json={}, headers=head) as answer:
        assert (await answer.json())["caller"] == "bob"


class TestBadCertificates:
    """The handshake ends there."""

    async def _refused(self, gateway: Gateway, authority: Authority, pair: Pair) -> None:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
            await who(gateway, authority, pair)

    async def test_an_expired_one(self, gateway: Gateway, authority: Authority) -> None:
        await self._refused(gateway, authority, authority.client("alice", valid=timedelta(hours=-1)))

    async def test_one_of_a_foreign_authority(
        self, gateway: Gateway, authority: Authority, stranger: Authority
    ) -> None:
        await self._refused(gateway, authority, stranger.client("alice"))

    async def test_one_that_is_for_servers(self, gateway: Gateway, authority: Authority) -> None:
        await self._refused(gateway, authority, authority.client("alice", purpose=SERVER))

    @pytest.mark.parametrize("required", [True])
    async def test_none_where_one_is_required(self, gateway: Gateway, authority: Authority) -> None:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
            await who(gateway, authority, None)
        assert (await who(gateway, authority, authority.client("alice")))[0] == 200


async def test_an_old_protocol_is_not_spoken(gateway: Gateway, authority: Authority) -> None:
    old = context(authority)
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with aiohttp.ClientSession(gateway.url, connector=aiohttp.TCPConnector(ssl=old)) as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.get("/health"):
                pass


def _serial(gateway: Gateway, authority: Authority) -> Any:
    async def read() -> int:
        port = int(gateway.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context(authority))
        found = writer.get_extra_info("peercert")["serialNumber"]
        writer.close()
        await writer.wait_closed()
        return int(found, 16)

    return read()


async def test_a_new_server_certificate_under_load_fails_no_call(
    gateway: Gateway, authority: Authority, server: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.05)
    alice = authority.client("alice")
    stop, statuses = asyncio.Event(), list[int]()

    async def lasting() -> None:
        connector = aiohttp.TCPConnector(ssl=context(authority, alice))
        async with aiohttp.ClientSession(gateway.url, connector=connector) as session:
            while not stop.is_set():
                async with session.post(WHO, json={}) as answer:
                    statuses.append(answer.status)

    async def anew() -> None:
        while not stop.is_set():
            statuses.append((await who(gateway, authority, alice))[0])

    async with asyncio.TaskGroup() as group:
        for load in (lasting, lasting, anew):
            group.create_task(load())
        for number in range(3):
            fresh = authority.server(f"fresh{number}")
            server.cert.write_bytes(fresh.cert.read_bytes())  # for a moment the two do not fit together
            await asyncio.sleep(0.15)
            server.key.write_bytes(fresh.key.read_bytes())

            async def shown(serial: int = fresh.serial) -> bool:
                return bool(await _serial(gateway, authority) == serial)

            await until(shown, what="new connections get the new certificate")
        stop.set()
    assert len(statuses) > 20
    assert set(statuses) == {200}


async def test_a_certificate_that_cannot_be_used_changes_nothing(
    gateway: Gateway, authority: Authority, server: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await _serial(gateway, authority)
    monkeypatch.setattr(tls, "LOOK_S", 0.05)
    with capture_logs() as lines:
        server.cert.write_text("nothing")
        await until(lambda: any(line["event"] == "tls_certificate_not_replaced" for line in lines))
    assert await _serial(gateway, authority) == before


async def test_files_that_do_not_fit_together_end_the_start(bus: Bus, authority: Authority, server: Pair) -> None:
    other = authority.server("other")
    access = AccessSettings(tls_cert=server.cert, tls_key=other.key)
    with pytest.raises(CannotServeTls, match="TLS"):
        Gateway(bus, GatewaySettings(port=0, doors={}), access)


async def curl_of(gateway: Gateway, authority: Authority, *words: str) -> Ended:
    head = ("curl", "-s", "--cacert", str(authority.file), "-X", "POST", "-d", "{}")
    return await run(
        [*head, "-H", "Content-Type: application/json", *words, gateway.url.replace("127.0.0.1", "localhost") + WHO]
    )


@curl
async def test_curl_gets_in_with_a_client_certificate_and_not_without(gateway: Gateway, authority: Authority) -> None:
    alice = authority.client("alice")
    told = await curl_of(gateway, authority, "--cert", str(alice.cert), "--key", str(alice.key))
    assert '"caller":"cert:alice"' in told.out
    assert '"unauthenticated"' in (await curl_of(gateway, authority)).out


@openssl
async def test_openssl_sees_a_chain_that_holds_and_a_modern_protocol(gateway: Gateway, authority: Authority) -> None:
    alice = authority.client("alice")
    port = gateway.url.rpartition(":")[2]
    files = ("-CAfile", str(authority.file), "-cert", str(alice.cert), "-key", str(alice.key))
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", "-verify_return_error", *files]
    told = await run(words)
    said = told.out + told.err
    assert "Verification: OK" in said, said
    assert "TLSv1.3" in said
    old = await run([*words, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
    assert "Verification: OK" not in old.out + old.err
