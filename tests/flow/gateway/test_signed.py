"""Signed manifests over HTTP: registered as they are, served as they came, refused with their reason."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from bus import Bus, BusSettings, Message
from bus.keyfiles import add_trusted, write_private
from bus.kv import Bucket, Write
from bus.signing import Terms, sign_manifest, verify_manifest
from bus.truststore import TrustStore, public_set
from directory import Directory
from gateway import Gateway, GatewaySettings
from tests.support.federation import QUICK, calculator, manifest, running_directory, running_member
from tests.support.nats import until
from tests.support.signing import pair

STORE = public_set([pair().public])


@pytest.fixture
async def directory(settings: BusSettings, tmp_path: Path) -> AsyncIterator[Directory]:
    (tmp_path / "trust.json").write_bytes(STORE)
    rules = QUICK.model_copy(update={"trust_store": tmp_path / "trust.json"})
    async with running_directory(settings, rules) as directory:
        yield directory


@pytest.fixture
async def client(bus: Bus, directory: Directory) -> AsyncIterator[aiohttp.ClientSession]:
    gateway = Gateway(bus, GatewaySettings(port=0, doors={}, drain_s=1))
    await gateway.start()
    async with aiohttp.ClientSession(gateway.url) as client:
        yield client
    await gateway.stop()


def signed(*, age_s: float = 0.0, **more: Any) -> dict[str, str]:
    return {"signed": sign_manifest(manifest(**more), pair().key, Terms(1_000, time.time() - age_s, 600))}


async def post(client: aiohttp.ClientSession, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with client.post("/mcp/register", json=body) as answer:
        return answer.status, await answer.json()


async def test_a_signed_manifest_is_registered_and_served_as_it_came(client: aiohttp.ClientSession) -> None:
    body = signed()
    assert (await post(client, body))[0] == 200
    async with client.get("/mcp/resources/omega/directory/servers/my_service") as answer:
        served = await answer.json()
    assert served["signed"] == body["signed"]
    assert verify_manifest(served, TrustStore.parse({"t": STORE}), but=("endpoints",)).kid == "k1"
    async with client.post("/mcp/heartbeat", json={"service_id": "my_service"}) as answer:
        assert answer.status == 200
    async with client.delete("/mcp/unregister/my_service") as answer:
        assert answer.status == 200


@pytest.fixture
async def strict(bus: Bus, settings: BusSettings, directory: Directory, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a gateway that calls nobody but whom its keys vouch for."""
    own = await Bus.connect(settings, name="gateway")
    gateway = Gateway(own, GatewaySettings(port=0, doors={}, drain_s=1, trust_store=tmp_path / "trust.json"))
    await gateway.start()
    yield gateway.url
    await gateway.stop()
    await own.close()


async def called(url: str, member: str) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession(url) as client,
        client.post(f"/mcp/call/{member}/add", json={"a": 1, "b": 2}) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_gateway_with_keys_calls_only_whom_they_vouch_for(
    strict: str, settings: BusSettings, bus: Bus, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    write_private(key, pair(kid="calc", ids=("calculator",)).private)
    denied: list[Message] = []
    bus.listen("omega.event.call-denied.*", denied.append)
    await bus.flush()
    async with running_member(calculator("unsigned"), settings):
        status, body = await called(strict, "unsigned")
        assert (status, body["error"]["details"]["reason"]) == (403, "unsigned")
    add_trusted(tmp_path / "trust.json", pair(kid="calc", ids=("calculator",)).public)
    async with running_member(calculator(signing_key=key), settings):

        async def answers() -> bool:
            return (await called(strict, "calculator"))[0] == 200

        await until(answers)
        await tamper(bus)

        async def is_refused() -> bool:
            status, body = await called(strict, "calculator")
            return status == 403 and body["error"]["details"]["reason"] == "differs"

        await until(is_refused)
    assert denied
    assert (await called(strict, "nobody"))[0] == 404


async def tamper(bus: Bus) -> None:
    """Somebody with the storage in hand changes what the directory serves."""
    bucket = Bucket(bus, "omega_registry")
    (name,) = await bucket.keys("calculator.*")
    entry = await bucket.get(name)
    record = orjson.loads(entry.value or b"{}")
    record["manifest"]["description"] = "Adds, and tells evil.example"
    await bucket.put(Write(name, orjson.dumps(record), entry.revision))
    await bus.publish("omega.event.updated.calculator", b"{}")


async def test_a_refusal_tells_its_reason(client: aiohttp.ClientSession) -> None:
    status, body = await post(client, signed(age_s=3_600))
    assert (status, body["error"]["code"], body["error"]["details"]["reason"]) == (403, "not_allowed", "expired")
    assert (await post(client, signed(version="2.0.0")))[0] == 200
    status, body = await post(client, signed(age_s=5))
    assert (status, body["error"]["code"], body["error"]["details"]["reason"]) == (409, "conflict", "replayed")
    status, body = await post(client, manifest(version="6.6.6"))
    assert (status, body["error"]["code"]) == (403, "not_allowed")
