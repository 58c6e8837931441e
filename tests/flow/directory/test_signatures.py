"""Signed registrations against a real NATS: what is believed, what is refused, and what is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bus import Bus, BusSettings, Federation
from bus.errors import Conflict, FederationError, NotAllowed
from bus.keyfiles import add_trusted
from bus.kv import Bucket
from bus.signing import Terms, sign_manifest, verify_manifest
from bus.truststore import IDS, TrustStore, public_set
from directory import Directory, DirectorySettings
from tests.support.federation import QUICK, manifest, running_directory
from tests.support.nats import until
from tests.support.signing import Pair, pair

ME, OTHER = pair(), pair(kid="other", ids=("other_service",))
EPOCH = 1_000


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    trusting(path, ME.public, OTHER.public)
    return path


def trusting(path: Path, *keys: dict[str, Any]) -> None:
    """Make these the keys of the store, all at once."""
    beside = path.with_suffix(".new")
    beside.write_bytes(public_set(keys))
    beside.replace(path)


def rules(trust: Path, signatures: Any = None) -> DirectorySettings:
    return QUICK.model_copy(update={"trust_store": trust, "signatures": signatures})


@asynccontextmanager
async def directory_of(settings: BusSettings, trust: Path, signatures: Any = None) -> AsyncIterator[Directory]:
    async with running_directory(settings, rules(trust, signatures)) as directory:
        yield directory


@pytest.fixture
async def federation(bus: Bus, settings: BusSettings, trust: Path) -> AsyncIterator[Federation]:
    """A client of a federation whose directory checks signatures."""
    async with directory_of(settings, trust):
        yield Federation(bus)


def signed(key: Pair = ME, *, epoch: int = EPOCH, at: float | None = None, **more: Any) -> dict[str, Any]:
    instance = more.pop("instance", "default")
    terms = Terms(epoch, time.time() if at is None else at, 600, instance)
    return {"signed": sign_manifest(manifest(**more), key.key, terms)}


async def refused(federation: Federation, body: dict[str, Any], kind: type[FederationError] = NotAllowed) -> str:
    with pytest.raises(kind) as caught:
        await federation.register(body)
    return str((caught.value.details or {})["reason"])


async def heard(federation: Federation, kind: str, found: list[dict[str, Any]]) -> asyncio.Task[None]:
    """Collects the events of a kind, from now on."""

    async def collect() -> None:
        async for event in federation.events(kind):
            found.append(event)

    task = asyncio.create_task(collect())
    await asyncio.sleep(0)
    await federation.bus.flush()
    return task


async def test_a_signed_manifest_is_served_with_the_token_it_came_as(federation: Federation) -> None:
    body = signed()
    assert (await federation.register(body))["status"] == "registered"
    for served in (await federation.server("my_service"), (await federation.search(tag="custom"))[0]):
        assert served["signed"] == body["signed"]
        assert verify_manifest(served, TrustStore.parse({"t": public_set([ME.public])})).kid == "k1"
        assert not {"iat", "exp", "epoch", "instance"} & served.keys()


async def test_the_token_is_in_the_registrys_storage(federation: Federation) -> None:
    body = signed()
    await federation.register(body)
    entry = await Bucket(federation.bus, "omega_registry").get("my_service.default")
    assert orjson.loads(entry.value or b"{}")["signed"] == body["signed"]


async def test_the_largest_manifest_can_be_signed_and_served(federation: Federation) -> None:
    body = signed(tools=[{"name": f"t{number}", "description": "x" * 16_000} for number in range(15)])
    assert (await federation.register(body))["status"] == "registered"
    assert (await federation.server("my_service"))["signed"] == body["signed"]


async def test_the_member_may_send_it_again(federation: Federation) -> None:
    body = signed()
    first = await federation.register(body)
    again = await federation.register(body)
    assert (again["status"], again["revision"]) == ("unchanged", first["revision"])


async def test_a_later_signature_of_the_same_life_updates_it(federation: Federation) -> None:
    await federation.register(signed(at=time.time() - 5))
    updated = await federation.register(signed(version="2.0.0"))
    assert (updated["status"], updated["epoch"]) == ("updated", EPOCH)


async def test_what_was_used_before_is_refused(federation: Federation) -> None:
    old = signed(at=time.time() - 5)
    await federation.register(old)
    await federation.register(signed(version="2.0.0"))
    assert await refused(federation, old, Conflict) == "replayed"
    assert (await federation.server("my_service"))["version"] == "2.0.0"


async def test_an_older_life_is_refused(federation: Federation) -> None:
    await federation.register(signed(epoch=EPOCH))
    assert await refused(federation, signed(epoch=EPOCH - 1), Conflict) == "older_epoch"


async def test_a_member_that_left_does_not_come_back_by_a_copy(federation: Federation) -> None:
    body = signed()
    await federation.register(body)
    await federation.leave("my_service")
    assert await refused(federation, body, Conflict) in ("replayed", "older_epoch")
    assert (await federation.register(signed(epoch=EPOCH + 1)))["status"] == "registered"


async def test_a_copy_is_not_used_for_another_instance(federation: Federation) -> None:
    body = signed()
    await federation.register(body)
    with pytest.raises(NotAllowed) as caught:
        await federation.bus.request("omega.register.my_service.evil", orjson.dumps(body))
    assert (caught.value.details or {})["reason"] == "instance_mismatch"
    with pytest.raises(NotAllowed) as caught:
        await federation.bus.request("omega.register.other_service", orjson.dumps(body))
    assert (caught.value.details or {})["reason"] == "id_mismatch"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda: signed(at=time.time() - 3_600), "expired"),
        (lambda: signed(at=time.time() + 3_600), "not_yet_valid"),
        (lambda: signed(OTHER), "foreign_key"),
        (lambda: signed(pair(kid="mallory")), "unknown_key"),
        (lambda: {"signed": signed()["signed"][:-6] + "AAAAAA"}, "bad_signature"),
    ],
)
async def test_a_bad_signature_is_refused_and_told_of(federation: Federation, body: Any, reason: str) -> None:
    events: list[dict[str, Any]] = []
    listening = await heard(federation, "rejected", events)
    assert await refused(federation, body()) == reason
    await until(lambda: events)
    listening.cancel()
    assert (events[0]["why"], events[0]["code"], events[0]["subject"]) == (
        reason, "not_allowed", "omega.register.my_service.default",
    )  # fmt: skip
    assert "My Service" not in str(events[0])


async def test_what_is_signed_gives_way_to_nothing_unsigned(federation: Federation) -> None:
    await federation.register(signed())
    for instance in ("default", "another"):
        with pytest.raises(NotAllowed, match="signed"):
            await federation.register(manifest(version="6.6.6"), instance)
    assert (await federation.server("my_service"))["version"] == "1.0.0"


async def test_a_signed_member_heartbeats_and_leaves_as_any_other(federation: Federation) -> None:
    await federation.register(signed())
    await federation.heartbeat("my_service")
    assert (await federation.leave("my_service"))["status"] == "left"


async def test_where_signatures_are_required_nothing_else_is_taken(
    bus: Bus, settings: BusSettings, trust: Path
) -> None:
    async with directory_of(settings, trust, "require"):
        federation = Federation(bus)
        assert await refused(federation, manifest()) == "signature_required"
        assert (await federation.register(signed()))["status"] == "registered"


async def test_where_signatures_are_off_a_signed_one_is_refused(bus: Bus, settings: BusSettings, trust: Path) -> None:
    async with directory_of(settings, trust, "off"):
        assert await refused(Federation(bus), signed()) == "signatures_off"


async def test_keys_are_exchanged_while_members_register(federation: Federation, trust: Path) -> None:
    """First the new key is trusted, then it signs, then the old one goes: nobody is refused meanwhile."""
    new = pair(kid="k2", algorithm="Ed25519", ids=("my_service",))
    statuses, stop = [], asyncio.Event()
    signing = [ME]

    async def go_on_registering() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            body = signed(signing[0], version=f"1.0.{number}")
            statuses.append((await federation.register(body))["status"])
            await asyncio.sleep(0.002)

    load = asyncio.create_task(go_on_registering())
    await until(lambda: len(statuses) > 20 or load.done())
    add_trusted(trust, new.public)
    signing[0] = new  # at once: a directory that does not know the key yet looks again
    await until(lambda: len(statuses) > 60 or load.done())
    trusting(trust, new.public, OTHER.public)
    await until(lambda: len(statuses) > 100 or load.done())
    stop.set()
    await load
    assert set(statuses) == {"registered", "updated"}
    await until(lambda: _is_unknown(federation))


async def _is_unknown(federation: Federation) -> bool:
    try:
        await federation.register(signed(ME, epoch=EPOCH + 1))
    except NotAllowed as exc:
        return (exc.details or {})["reason"] == "unknown_key"
    return False


async def test_a_changed_trust_store_is_told_of(federation: Federation, trust: Path) -> None:
    events: list[dict[str, Any]] = []
    listening = await heard(federation, "trust-changed", events)
    trusting(trust, {**ME.public, IDS: ["another"]}, pair(kid="k3").public)
    await until(lambda: events)
    listening.cancel()
    told = {name: events[0][name] for name in ("added", "removed", "rebound")}
    assert told == {"added": ["k3"], "removed": ["other"], "rebound": ["k1"]}


async def test_a_tool_that_is_described_otherwise_is_told_of_by_digest(federation: Federation) -> None:
    events: list[dict[str, Any]] = []
    listening = await heard(federation, "tool-changed", events)
    tool = {"name": "read", "description": "Reads a file"}
    await federation.register(manifest(id="plain", tools=[tool, {"name": "same"}]))
    await federation.register(manifest(id="plain", tools=[{**tool, "description": "EVIL"}, {"name": "same"}]))
    await federation.register(manifest(id="plain", tools=[{**tool, "description": "WORSE"}]), "another")
    await federation.leave("plain")
    await federation.register(manifest(id="plain", tools=[{**tool, "description": "LATER"}]), "third")
    await until(lambda: len(events) == 3)
    listening.cancel()
    assert [(event["member"], event["instance"], event["tool"]) for event in events] == [
        ("plain", "default", "read"), ("plain", "another", "read"), ("plain", "third", "read"),
    ]  # fmt: skip
    assert all(len(event["old"]) == len(event["new"]) == 16 for event in events)
    assert not any(word in str(events) for word in ("EVIL", "WORSE", "LATER"))
