"""A registry that is lost, whole or in part, is there again: from what a replica knows, else from what members say."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from bus import Bus, BusSettings, Federation, Instance
from bus.errors import FederationError, StorageAway, UnknownMember
from bus.kv import Bucket, Write
from directory import Directory
from members import Member
from tests.support.federation import manifest, running_directory, running_member
from tests.support.nats import NatsServer, until

pytestmark = pytest.mark.timeout(120)

MEMBERS = 50
INTERVAL_S = 1.0
BEATS = 3
"""Heartbeats of one member until it is back: the one that is not recognised, and those sent while the fleet spreads
its announcements and they are written. Counted and not timed, so that a busy machine changes nothing."""
SLOW_S = 20.0


def lively(number: int) -> Member:
    member = Member(f"m{number}", name=f"Member {number}", tags=["lively"], heartbeat_interval_s=INTERVAL_S)

    @member.tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return member


@pytest.fixture
async def replicas(settings: BusSettings) -> AsyncIterator[list[Directory]]:
    async with running_directory(settings) as one, running_directory(settings) as two:
        yield [one, two]


@pytest.fixture
async def fleet(settings: BusSettings, replicas: list[Directory]) -> AsyncIterator[list[Member]]:
    """Fifty members, each on a connection of its own, known to both replicas."""
    members = [lively(number) for number in range(MEMBERS)]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(running_member(member, settings)) for member in members))
        await all_back(replicas)
        yield members


async def all_back(replicas: list[Directory]) -> None:
    """Wait until every replica knows every member."""
    await until(lambda: all(one.index.registry.count("active") == MEMBERS for one in replicas), within=SLOW_S)


def beats(bus: Bus) -> Counter[str]:
    """Heartbeats by member, counted as they come."""
    counted: Counter[str] = Counter()
    bus.listen("omega.heartbeat.>", lambda message: counted.update([message.subject]))
    return counted


async def lose(bus: Bus) -> None:
    await bus.request(f"$JS.API.STREAM.DELETE.KV_{bus.settings.bucket}", b"")


async def purge(bus: Bus) -> None:
    await bus.request(f"$JS.API.STREAM.PURGE.KV_{bus.settings.bucket}", b"")


async def works(bus: Bus) -> None:
    """Discovery answers with everybody, and the bucket holds what it answers with."""
    federation = Federation(bus)
    found = [await federation.ask("servers", {"tag": "lively", "limit": 100}) for _ in range(8)]
    assert {answer["total"] for answer in found} == {MEMBERS}
    entries, _ = await Bucket(bus, bus.settings.bucket).read_from(1)
    assert len({entry.key for entry in entries if entry.value}) == MEMBERS


async def stored(bus: Bus) -> int:
    """How many live records the bucket holds; -1 while it is not there."""
    try:
        entries, _ = await Bucket(bus, bus.settings.bucket).read_from(1)
    except StorageAway:
        return -1
    return len({entry.key for entry in entries if entry.value})


@pytest.fixture
async def silent(replicas: list[Directory], federation: Federation) -> set[str]:
    """Fifty members that somebody registered and that will not speak for ten minutes."""
    ids = {f"silent{number}" for number in range(MEMBERS)}
    for id in sorted(ids):
        await federation.register({**manifest(id), "heartbeat_interval_s": 600})
    await all_back(replicas)
    return ids


@pytest.mark.parametrize("how", ["deleted", "purged"])
async def test_what_the_storage_lost_is_written_back_by_the_replicas_and_is_never_missed(
    bus: Bus, replicas: list[Directory], silent: set[str], how: str
) -> None:
    missed = []
    bus.listen("omega.event.>", missed.append)
    await (lose(bus) if how == "deleted" else purge(bus))
    async with asyncio.timeout(SLOW_S):
        while await stored(bus) != MEMBERS:
            assert all(set(one.index.registry.ids()) == silent for one in replicas)
    for one in replicas:
        one.follower.look_again()
    await until(lambda: all(not one.index.doubted for one in replicas))
    assert all(set(one.index.registry.ids()) == silent for one in replicas)
    assert missed == []


async def test_a_deleted_bucket_that_nobody_remembers_is_there_again_within_a_heartbeat(
    bus: Bus, settings: BusSettings, replicas: list[Directory], fleet: list[Member]
) -> None:
    for one in replicas:
        await one.stop()
    await lose(bus)
    async with running_directory(settings) as one, running_directory(settings) as two:
        counted = beats(bus)
        await all_back([one, two])
        assert max(counted.values(), default=0) <= BEATS
        await works(bus)
        assert not any(directory.broken.done() for directory in (one, two))


async def test_a_store_that_was_wiped_is_there_again_after_the_restart(
    bus: Bus, nats_server: NatsServer, replicas: list[Directory], fleet: list[Member], tmp_path: Path
) -> None:
    nats_server.kill()
    shutil.rmtree(tmp_path / "nats" / "store")
    nats_server.start()
    await until(lambda: complete(bus), within=SLOW_S)
    await all_back(replicas)
    await until(lambda: answered(bus), within=SLOW_S)
    await works(bus)
    streams = orjson.loads((await bus.request("$JS.API.STREAM.NAMES", b"")).data)["streams"]
    buckets = {"KV_omega_registry", "KV_omega_owners", "KV_omega_sessions", "KV_omega_tokens"}
    assert set(streams) == {"OMEGA_EVENTS", *buckets}


async def answered(bus: Bus) -> bool:
    try:
        await Federation(bus).ask("stats")
    except FederationError:
        return False
    return True


async def complete(bus: Bus) -> bool:
    try:
        return await stored(bus) == MEMBERS
    except FederationError:
        return False


async def test_a_bucket_made_anew_with_as_many_writes_is_not_taken_for_the_old_one(
    bus: Bus, replicas: list[Directory], federation: Federation
) -> None:
    for number in range(5):
        await federation.register(manifest(f"old{number}"))
    await until(lambda: all(len(one.index.registry) == 5 for one in replicas))
    described = orjson.loads((await bus.request("$JS.API.STREAM.INFO.KV_omega_registry", b"")).data)["config"]
    await lose(bus)
    await bus.request("$JS.API.STREAM.CREATE.KV_omega_registry", orjson.dumps(described))
    bucket = Bucket(bus, "omega_registry")
    held = {number: replicas[0].index.registry.record(Instance(f"old{number}")) for number in range(5)}
    for number in range(5):
        record = held[number]
        value = orjson.loads(record.to_bytes()) if record else {}
        text = orjson.dumps(value).replace(b'"old', b'"new')
        await bucket.put(Write(f"new{number}.default", text, 0))
    names = {f"{word}{number}" for word in ("old", "new") for number in range(5)}
    await until(lambda: all(set(one.index.registry.ids()) == names for one in replicas))


async def test_a_foreign_record_under_a_wrong_key_is_in_no_index(
    bus: Bus, federation: Federation, settings: BusSettings
) -> None:
    await federation.register(manifest("honest"))
    bucket = Bucket(bus, "omega_registry")
    honest = await bucket.get("honest.default")
    await bucket.put(Write("liar.default", honest.value or b"", 0))
    await bucket.put(Write("odd.default", (honest.value or b"").replace(b'"id":"honest"', b'"id":["odd"]', 1), 0))
    async with running_directory(settings) as later:
        assert set(later.index.registry.ids()) == {"honest"}


async def test_a_leave_at_a_replica_that_has_not_heard_of_the_member_is_no_error(
    federation: Federation, settings: BusSettings
) -> None:
    async with running_directory(settings) as deaf:
        await deaf.follower.stop()
        await federation.register(manifest("fresh"))
        await until(lambda: federation_knows(federation, "fresh"))
        record, revision = deaf.index.held(Instance("fresh"))
        if record is not None:  # it was written by this one: let it forget
            deaf.index.drop(Instance("fresh"), revision + 1)
        named = [one.key for one in await deaf.intake._store.instances("fresh")]
        assert named == ["fresh.default"]
        assert await deaf.intake._one_leaves(Instance("fresh"), None)


async def federation_knows(federation: Federation, member: str) -> bool:
    try:
        await federation.server(member)
    except UnknownMember:
        return False
    return True


async def test_a_displaced_process_does_not_take_the_newer_one_with_it(federation: Federation) -> None:
    await federation.register(manifest("taken", epoch=10), "a")
    with pytest.raises(UnknownMember):
        await federation.leave("taken", "a", epoch=9)
    assert (await federation.server("taken"))["status"] == "active"
    assert (await federation.leave("taken", "a", epoch=10))["instances"] == ["a"]
