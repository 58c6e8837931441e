"""The registry bucket against a real JetStream."""

from __future__ import annotations

import pytest

from bus import Bus, streams
from bus.errors import Internal
from bus.kv import Bucket, RevisionChanged, Write


@pytest.fixture
async def bucket(bus: Bus) -> Bucket:
    await streams.prepare(bus)
    return Bucket(bus, bus.settings.bucket)


async def test_a_key_never_written_has_revision_zero(bucket: Bucket) -> None:
    entry = await bucket.get("m.default")
    assert (entry.value, entry.revision) == (None, 0)


async def test_a_write_is_read_back_with_its_revision(bucket: Bucket) -> None:
    revision = await bucket.put(Write("m.default", b"one", 0))
    assert (await bucket.get("m.default")).value == b"one"
    assert await bucket.put(Write("m.default", b"two", revision)) == revision + 1


async def test_a_write_on_an_old_revision_is_refused(bucket: Bucket) -> None:
    revision = await bucket.put(Write("m.default", b"one", 0))
    await bucket.put(Write("m.default", b"two", revision))
    for stale in (0, revision):
        with pytest.raises(RevisionChanged):
            await bucket.put(Write("m.default", b"three", stale))


async def test_the_whole_bucket_is_read_by_sequence(bucket: Bucket) -> None:
    first = (await bucket.state()).last
    for number in range(1200):
        await bucket.put(Write(f"m{number}.default", b"v", 0))
    await bucket.put(Write("m7.default", b"newer", first + 8))
    entries, last = await bucket.read_from(1)
    assert (len(entries), last, (await bucket.state()).last) == (1200, first + 1201, first + 1201)
    assert [entry.value for entry in entries if entry.key == "m7.default"] == [b"newer"]
    assert await bucket.read_from(first + 1202) == ([], first + 1201)


async def test_every_write_is_repeated_with_its_sequence(bus: Bus, bucket: Bucket) -> None:
    changes = []
    bus.listen(bus.subjects.change(), lambda m: changes.append(bucket.read_change(m)))
    await bus.flush()
    revision = await bucket.put(Write("m.default", b"one", 0))
    await bus.flush()
    assert [(change.key, change.value, change.revision) for change in changes if change] == [
        ("m.default", b"one", revision)
    ]


async def test_preparing_twice_changes_nothing(bus: Bus, bucket: Bucket) -> None:
    revision = await bucket.put(Write("m.default", b"one", 0))
    await streams.prepare(bus)
    assert (await bucket.get("m.default")).revision == revision


async def test_a_stream_over_call_subjects_is_refused(bus: Bus) -> None:
    await streams._api(bus, "$JS.API.STREAM.CREATE.TAP", {"name": "TAP", "subjects": ["omega.call.>"]})
    with pytest.raises(Internal, match="TAP"):
        await streams.prepare(bus)
