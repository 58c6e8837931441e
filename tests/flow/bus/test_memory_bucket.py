"""The bucket that tests keep in memory answers as the real one does: the same questions to both, compared."""

from __future__ import annotations

import random
from typing import Any

from bus import Bus, streams
from bus.errors import StorageAway, StorageMissing
from bus.kv import Bucket, Entry, RevisionChanged, Write
from tests.support.bucket import MemoryBucket
from tests.support.nats import until

KEYS = ("a.one", "a.two", "b.one", "c.one")


async def test_the_bucket_in_memory_answers_as_the_real_one(bus: Bus) -> None:
    await streams.prepare(bus)
    real = Bucket(bus, bus.settings.bucket)
    first = (await real.state()).last
    memory = MemoryBucket(lambda: 0.0, begins_after=first)
    fed: list[Entry | None] = []
    told: list[Entry] = []
    bus.listen(bus.subjects.change(), lambda message: fed.append(real.read_change(message)))
    memory.feeds.append(told.append)
    await bus.flush()
    chance = random.Random(7)
    for number in range(150):
        key = chance.choice(KEYS)
        if chance.random() < 0.1:
            await bus.request(f"$KV.{bus.settings.bucket}.{key}", b"", headers={"KV-Operation": "DEL"})
            memory.delete(key)
        revision = chance.choice([0, first + number, (await real.get(key)).revision])
        write = Write(key, b"%d" % number, revision)
        assert await outcome(real.put, write) == await outcome(memory.put, write)
        assert await real.get(key) == await memory.get(key)
        start = first + chance.randrange(1, number + 2)
        assert await real.read_from(start) == await memory.read_from(start)
        assert sorted(await real.keys("a.*")) == await memory.keys("a.*")
        assert (await real.state()).last == (await memory.state()).last
    await until(lambda: len(fed) == len(told))
    assert fed == told


async def test_both_are_missing_in_the_same_way_and_never_give_a_number_twice(bus: Bus) -> None:
    await streams.prepare(bus)
    real, memory = Bucket(bus, bus.settings.bucket), MemoryBucket(lambda: 0.0)
    before = [await bucket.state() for bucket in (real, memory)]
    await bus.request(f"$JS.API.STREAM.DELETE.{real.stream}", b"")
    memory.lose()
    for bucket in (real, memory):
        assert await outcome(bucket.state) is StorageMissing
        assert await outcome(bucket.get, "a.one") is StorageMissing
        assert await outcome(bucket.keys, "a.*") is StorageMissing
        assert await outcome(bucket.put, Write("a.one", b"1", 0)) is StorageAway
    await streams.prepare(bus)
    await memory.make()
    for bucket, was in zip((real, memory), before, strict=True):
        now = await bucket.state()
        assert (now.created != was.created, now.last > was.last) == (True, True)
        assert await bucket.put(Write("a.one", b"1", 0)) == now.last + 1


async def test_both_put_a_mark_in_the_place_of_what_has_lived_its_time(bus: Bus) -> None:
    await streams.prepare(bus)
    now = 0.0
    real = Bucket(bus, bus.settings.bucket)
    first = (await real.state()).last
    memory = MemoryBucket(lambda: now, begins_after=first)
    for bucket in (real, memory):
        await bucket.put(Write("a.one", b"1", 0, ttl_s=1))
    await until(lambda: _gone(real), within=10)
    now = 1.0
    memory.pass_time()
    assert await real.get("a.one") == await memory.get("a.one") == Entry("a.one", None, first + 2)
    for bucket in (real, memory):
        assert await outcome(bucket.put, Write("a.one", b"2", 0)) is RevisionChanged
        assert await outcome(bucket.put, Write("a.one", b"2", first + 2)) == first + 3


async def _gone(bucket: Bucket) -> bool:
    return (await bucket.get("a.one")).value is None


async def outcome(ask: Any, *words: Any) -> Any:
    """What comes of it; of an error its kind."""
    try:
        return await ask(*words)
    except (RevisionChanged, StorageAway) as exc:
        return type(exc)
