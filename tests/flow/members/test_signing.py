"""Members that sign by themselves: before a signature ends, when one was used up, with the key of the day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bus import Bus, BusSettings, Federation, Message
from bus.compact import issued_at, unverified
from bus.errors import InvalidRequest, NotAllowed
from bus.keyfiles import add_trusted, write_private
from bus.kv import Bucket, Write
from bus.truststore import public_set
from members import Member
from tests.support.federation import QUICK, running_directory, running_member
from tests.support.nats import until
from tests.support.signing import pair, unpadded

OLD, NEW = pair(kid="old", ids=("signer",)), pair("Ed25519", kid="new", ids=("sign*",))


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    path.write_bytes(public_set([OLD.public]))
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    write_private(path, OLD.private)
    return path


@pytest.fixture
async def federation(bus: Bus, settings: BusSettings, trust: Path) -> AsyncIterator[Federation]:
    rules = QUICK.model_copy(update={"trust_store": trust, "signatures": "require"})
    async with running_directory(settings, rules):
        yield Federation(bus)


def signer(key: Path, **more: Any) -> Member:
    member = Member("signer", instance="one", heartbeat_interval_s=60, signing_key=key, **more)

    @member.tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return member


async def token(federation: Federation) -> str:
    return str((await federation.server("signer"))["signed"])


def kid(jws: str) -> str:
    return str(orjson.loads(unpadded(jws.partition(".")[0]))["kid"])


async def test_a_member_with_a_key_signs_what_it_announces(
    federation: Federation, settings: BusSettings, key: Path
) -> None:
    async with running_member(signer(key), settings):
        served = await federation.server("signer")
        said = unverified(str(served["signed"]))
        assert (said["instance"], said["tools"]) == ("one", served["tools"])
        assert await federation.call("signer", "add", {"a": 1, "b": 2}) == {"result": 3}


async def test_it_signs_again_before_the_signature_ends(
    federation: Federation, settings: BusSettings, key: Path
) -> None:
    async with running_member(signer(key, signing_lifetime_s=2.0), settings):
        first = await token(federation)

        async def another() -> bool:
            return issued_at(await token(federation)) > issued_at(first)

        await until(another, within=15)
        assert unverified(await token(federation))["epoch"] == unverified(first)["epoch"]
        assert (await federation.server("signer"))["status"] == "active"


async def test_what_is_asked_for_again_is_the_same_while_it_is_good(
    federation: Federation, settings: BusSettings, key: Path
) -> None:
    async with running_member(signer(key), settings):
        first = await token(federation)
        heard: list[Message] = []
        federation.bus.listen("omega.register.signer.one", heard.append)
        await federation.bus.flush()
        await federation.bus.publish("omega.resync.signer.one", b"{}")
        await until(lambda: heard)
        assert orjson.loads(heard[0].data)["signed"] == first


async def test_a_signature_that_was_used_up_is_made_anew(
    federation: Federation, settings: BusSettings, key: Path
) -> None:
    async with running_member(signer(key), settings):
        first = await token(federation)
        bucket = Bucket(federation.bus, "omega_registry")
        entry = await bucket.get("signer.one")
        stale = orjson.loads(entry.value or b"{}") | {"status": "stale"}
        await bucket.put(Write("signer.one", orjson.dumps(stale), entry.revision))

        async def status() -> str:
            return str((await federation.server("signer"))["status"])

        async def is_stale() -> bool:
            return await status() == "stale"

        async def is_active() -> bool:
            return await status() == "active"

        await until(is_stale)
        await federation.bus.publish("omega.resync.signer.one", b"{}")
        await until(is_active)
        assert await token(federation) != first


async def test_a_key_is_exchanged_while_the_member_serves(
    federation: Federation, settings: BusSettings, key: Path, trust: Path, tmp_path: Path
) -> None:
    async with running_member(signer(key, signing_lifetime_s=2.0), settings):
        add_trusted(trust, NEW.public)
        write_private(tmp_path / "next.json", NEW.private)
        (tmp_path / "next.json").replace(key)

        async def signs_with_the_new_one() -> bool:
            assert await federation.call("signer", "add", {"a": 1, "b": 2}) == {"result": 3}
            return kid(await token(federation)) == "new"

        await until(signs_with_the_new_one, within=15)


async def test_a_member_whose_key_is_not_trusted_does_not_start(
    federation: Federation, settings: BusSettings, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.json"
    write_private(foreign, pair(kid="foreign").private)
    with pytest.raises(NotAllowed, match="no trusted key"):
        async with running_member(signer(foreign), settings):
            pass


@pytest.fixture
def open_key(key: Path) -> Path:
    """A key that everybody may read."""
    key.chmod(0o644)
    return key


async def test_a_member_whose_key_others_may_read_does_not_start(
    federation: Federation, settings: BusSettings, open_key: Path
) -> None:
    with pytest.raises(InvalidRequest, match="chmod 600"):
        async with running_member(signer(open_key), settings):
            pass
