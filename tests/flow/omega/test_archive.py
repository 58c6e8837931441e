"""Backup and restore between real servers: what was there is there again, and nothing else is touched."""

from __future__ import annotations

import asyncio
import gzip
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from bus import Bus, BusSettings, Federation, Instance, Message
from bus.errors import Conflict, FederationError
from bus.kv import Bucket, Entry, Write
from bus.messages import EventKind
from bus.reading import Stored, StreamReader
from bus.streams import prepare
from bus.trail import Trail
from directory import Directory
from omega.archive import restore
from omega.archive.backup import BackupFile
from omega.archive.lines import BadBackup
from omega.archive.merge import Verdict
from omega.handshake import Exit
from omega.trouble import Trouble
from tests.support.archive import brought_back, saved
from tests.support.federation import manifest, running_directory
from tests.support.nats import NatsServer, until
from tests.support.omega import Omega


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a federation has stored."""

    records: dict[str, bytes | None]
    events: list[tuple[str, bytes]]


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def content(bus: Bus) -> Content:
    entries, _ = await Bucket(bus, bus.settings.bucket).read_from(1)
    events = await trail(bus)
    return Content({one.key: one.value for one in entries}, [(event.subject, event.data) for event in events])


async def trail(bus: Bus) -> list[Stored]:
    reader = StreamReader(bus, bus.settings.events_stream)
    return [event async for batch in reader.batches(1, 0) for event in batch]


async def fill(bus: Bus, members: int) -> None:
    """Members and events as a directory writes them."""
    await prepare(bus)
    bucket = Bucket(bus, bus.settings.bucket)
    told = Trail(bus, "test")
    for start in range(0, members, 250):
        numbers = range(start, min(members, start + 250))
        await asyncio.gather(*(bucket.put(Write(f"m{number}.default", record(number), 0)) for number in numbers))
        for number in numbers:
            told.tell(EventKind.REGISTERED, Instance(f"m{number}"), digest="0" * 16)
        await bus.flush()
    reader = StreamReader(bus, bus.settings.events_stream)
    await until(lambda: _holds(reader, members))


async def _holds(reader: StreamReader, messages: int) -> bool:
    return (await reader.state()).messages == messages


def record(number: int, *, epoch: int = 7, changed_at: float = 1_700_000_000.25) -> bytes:
    told = {
        "id": f"m{number}",
        "instance": "default",
        "status": "active",
        "epoch": epoch,
        "digest": "0123456789abcdef",
        "registered_at": 1_700_000_000.125,
        "changed_at": changed_at,
        "signed": None,
        "manifest": {"id": f"m{number}", "name": f"Member {number}", "heartbeat_interval_s": 600.0},
    }
    return orjson.dumps(told)


async def test_five_thousand_records_and_events_come_back_as_they_were(bus: Bus, other: Bus, path: Path) -> None:
    await fill(bus, 5_000)
    header = await saved(bus, path)
    assert (header.registry.lines, header.events.lines) == (5_000, 5_000)
    assert header.registry.sequence == (await Bucket(bus, bus.settings.bucket).state()).last
    done = await brought_back(other, path)
    assert (done.records, done.events, done.events_skipped) == ({Verdict.RESTORED: 5_000}, 5_000, 0)
    assert await content(other) == await content(bus)


async def test_epochs_times_and_tombstones_come_back(
    federation: Federation, other: Bus, other_server: NatsServer, path: Path
) -> None:
    await federation.register(manifest("here", epoch=5))
    await federation.register(manifest("gone", epoch=9))
    await federation.leave("gone")
    before = (await federation.server("here"))["registered_at"]
    await saved(federation.bus, path)
    await brought_back(other, path)
    async with running_directory(BusSettings(nats_url=other_server.url)):
        there = Federation(other)
        assert (await there.server("here"))["registered_at"] == before
        assert (await there.register(manifest("here")))["epoch"] == 5
        with pytest.raises(Conflict, match="left"):
            await there.register(manifest("gone", epoch=9))


async def test_a_restored_tombstone_is_forgotten_when_its_time_is_over(
    federation: Federation, other: Bus, path: Path
) -> None:
    await federation.register(manifest("gone"))
    await federation.leave("gone")
    await saved(federation.bus, path)
    with path.open("rb") as file:
        late = await restore(other, file, lambda: time.time() + 3_601)
    assert late.records == {Verdict.FORGOTTEN: 1}
    done = await brought_back(other, path)
    assert done.records == {Verdict.RESTORED: 1}
    stored = await StreamReader(other, "KV_omega_registry").last_of("$KV.omega_registry.gone.default")
    assert stored is not None
    assert 3_500 < int(stored.headers["Nats-TTL"]) <= 3_600


async def test_restored_events_are_heard_by_nobody_as_new(bus: Bus, other: Bus, path: Path) -> None:
    await fill(bus, 3)
    await saved(bus, path)
    heard: list[Message] = []
    other.listen("omega.event.>", heard.append)
    await other.flush()
    await brought_back(other, path)
    await other.flush()
    assert heard == []
    then, now = await trail(bus), await trail(other)
    assert [event.headers["Omega-Restored-At"] for event in now] == [event.at for event in then]
    assert [event.subject for event in now] == [f"omega.event.registered.m{number}" for number in range(3)]


async def test_values_that_are_no_json_come_back_byte_for_byte(bus: Bus, other: Bus, path: Path) -> None:
    await prepare(bus)
    odd = {
        "a.x": b'{ "spaced" : 1 }',
        "b.x": b"\xff\x00",
        "c.x": b"",
        "d.x": b"null",
        "e.x": b'"\xc3\xa4"',
        "f.x": b"7",
    }
    for key, value in odd.items():
        await Bucket(bus, "omega_registry").put(Write(key, value, 0))
    await saved(bus, path)
    await brought_back(other, path)
    assert (await content(other)).records == odd


async def test_a_person_can_look_into_the_file(bus: Bus, path: Path) -> None:
    await fill(bus, 2)
    header = await saved(bus, path)
    lines = [orjson.loads(line) for line in gzip.decompress(read(path)).splitlines()]
    assert lines[0] == header.model_dump()
    assert lines[1]["value"]["manifest"]["name"] == "Member 0"
    assert [next(iter(line)) for line in lines[1:]] == ["record", "record", "event", "event"]


async def test_only_the_owner_can_read_it(bus: Bus, path: Path) -> None:
    await fill(bus, 1)
    before = os.umask(0)
    try:
        await saved(bus, path)
    finally:
        os.umask(before)
    assert mode(path) == 0o600


async def test_a_file_that_is_there_is_kept_unless_told_otherwise(bus: Bus, path: Path) -> None:
    await fill(bus, 1)
    write(path, b"precious")
    with pytest.raises(Trouble, match="--replace"):
        await saved(bus, path)
    assert read(path) == b"precious"
    await saved(bus, path, replace=True)
    assert list(path.parent.glob("*omega.jsonl*")) == [path]


async def test_a_backup_that_is_interrupted_leaves_nothing(
    bus: Bus, nats_server: NatsServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(bus, 2_000)
    reached = asyncio.Event()
    loop, add = asyncio.get_running_loop(), BackupFile.add

    def noted(self: BackupFile, lines: bytes) -> None:
        add(self, lines)
        loop.call_soon_threadsafe(reached.set)

    monkeypatch.setattr(BackupFile, "add", noted)
    making = asyncio.create_task(saved(bus, path))
    async with asyncio.timeout(10):
        await reached.wait()
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert list(path.parent.glob("*omega.jsonl*")) == []


async def test_what_a_killed_backup_left_is_no_backup_and_in_nobodys_way(bus: Bus, path: Path) -> None:
    await fill(bus, 1)
    path.with_name(f".{path.name}.part").write_bytes(b"half" * 10_000)
    await saved(bus, path)
    assert (await brought_back(bus, path)).records == {Verdict.SAME: 1}
    assert list(path.parent.glob(".*omega.jsonl*")) == []


async def test_two_backups_to_one_place_do_not_mix(bus: Bus, path: Path) -> None:
    await fill(bus, 1)
    with BackupFile(path, replace=True), pytest.raises(Trouble, match="another backup"):
        await saved(bus, path, replace=True)


async def test_a_backup_of_no_federation_is_refused(bus: Bus, path: Path) -> None:
    with pytest.raises(FederationError, match="no such stream"):
        await saved(bus, path)
    assert list(path.parent.glob("*omega.jsonl*")) == []


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-400] + bytes([data[-400] ^ 1]) + data[-399:]


def edited(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b"Member 3", b"Member 4"))


def shortened(data: bytes) -> bytes:
    return gzip.compress(b"".join(gzip.decompress(data).splitlines(keepends=True)[:-1]))


def of_the_future(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b'"omega_backup":2', b'"omega_backup":3'))


def without_an_end(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data)[:-1])


DAMAGES = [
    (cut, "cut short|damaged"),
    (flipped, "damaged"),
    (edited, "damaged"),
    (shortened, "damaged"),
    (without_an_end, "damaged"),
    (of_the_future, "version 3; this omega reads up to version 2"),
    (lambda _: b"", "no backup"),
    (lambda _: b"PK\x03\x04 something else", "no backup"),
    (lambda _: gzip.compress(b'{"name":"x"}\n'), "no backup"),
    (lambda _: gzip.compress(b"[1]\n"), "no backup"),
    (lambda _: gzip.compress(b"x" * 5_000_000), "damaged"),
    (lambda _: gzip.compress(b'{"omega_backup":1}\n'), "first line"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
async def test_a_damaged_or_foreign_file_is_refused_before_anything_is_written(
    bus: Bus, other: Bus, path: Path, damage: object, words: str
) -> None:
    await fill(bus, 30)
    await saved(bus, path)
    write(path, damage(read(path)))  # type: ignore[operator]
    with pytest.raises(BadBackup, match=words):
        await brought_back(other, path)
    answer = orjson.loads((await other.request("$JS.API.STREAM.NAMES", b"")).data)
    assert not answer["streams"]


async def test_beside_live_members_nothing_newer_is_written_over(
    federation: Federation, directory: Directory, path: Path
) -> None:
    for name in ("same", "newer", "unknown"):
        await federation.register(manifest(name, epoch=5))
    await saved(federation.bus, path)
    await federation.register(manifest("newer", epoch=6, description="of today"))
    bucket = Bucket(federation.bus, "omega_registry")
    lost = await bucket.get("unknown.default")
    await bucket.put(
        Write("unknown.default", orjson.dumps(orjson.loads(lost.value or b"") | {"epoch": 4}), lost.revision)
    )
    done = await brought_back(federation.bus, path)
    assert done.records == {Verdict.SAME: 1, Verdict.NEWER_THERE: 1, Verdict.RESTORED: 1}
    assert (done.kept, done.events, done.events_skipped) == (["newer.default"], 0, 3)
    assert (await federation.server("newer"))["description"] == "of today"
    assert (await bucket.get("unknown.default")).value == lost.value
    await until(lambda: _epoch(directory, "unknown") == 5)


def _epoch(directory: Directory, member: str) -> int:
    held = directory.index.registry.record(Instance(member))
    return held.epoch if held else 0


async def test_a_dry_run_writes_nothing_and_tells_what_would_be(bus: Bus, other: Bus, path: Path) -> None:
    await fill(bus, 20)
    await saved(bus, path)
    done = await brought_back(other, path, dry_run=True)
    assert (done.records, done.events) == ({Verdict.RESTORED: 20}, 20)
    assert not orjson.loads((await other.request("$JS.API.STREAM.NAMES", b"")).data)["streams"]
    assert (await brought_back(bus, path, dry_run=True)).records == {Verdict.SAME: 20}


async def test_an_interrupted_restore_is_finished_by_doing_it_again(
    bus: Bus, other: Bus, other_server: NatsServer, path: Path
) -> None:
    await fill(bus, 2_000)
    await saved(bus, path)
    await prepare(other)
    for needed in (Bucket(other, "omega_registry").state, StreamReader(other, "OMEGA_EVENTS").state):
        restoring = asyncio.create_task(brought_back(other, path))
        await until(lambda needed=needed: _begun(needed), within=20)
        other_server.kill()
        with pytest.raises((FederationError, Trouble)):
            await restoring
        other_server.start()
        await until(lambda: other.connected)
    done = await brought_back(other, path)
    assert done.records[Verdict.RESTORED] + done.records[Verdict.SAME] == 2_000
    assert await content(other) == await content(bus)


async def _begun(state: object) -> bool:
    return (await state()).messages > 100  # type: ignore[operator]


async def test_an_event_of_the_running_federation_ends_the_restoring_of_events(
    bus: Bus, other: Bus, path: Path
) -> None:
    await fill(bus, 10)
    await saved(bus, path)
    await prepare(other)
    Trail(other, "test").tell(EventKind.STALE, Instance("someone"))
    done = await brought_back(other, path)
    assert (done.events, done.events_skipped) == (0, 10)
    assert [event.subject for event in await trail(other)] == ["omega.event.stale.someone"]


async def test_a_key_overwritten_while_it_was_read_comes_back_in_its_last_state(
    bus: Bus, other: Bus, path: Path
) -> None:
    await fill(bus, 1_000)
    bucket = Bucket(bus, "omega_registry")

    async def overwrite() -> None:
        entry: Entry = await bucket.get("m0.default")
        for number in range(300):
            value = record(0, epoch=8 + number)
            entry = Entry(entry.key, value, await bucket.put(Write(entry.key, value, entry.revision)))

    async with asyncio.TaskGroup() as group:
        group.create_task(overwrite())
        await saved(bus, path)
    done = await brought_back(other, path)
    assert done.records == {Verdict.RESTORED: 1_000}
    assert set((await content(other)).records) == set((await content(bus)).records)


def test_the_commands_make_a_backup_and_bring_it_back(federation_up: Omega, tmp_path: Path) -> None:
    ended = federation_up("backup", str(tmp_path), "--json")
    assert ended.code == Exit.OK, ended.err
    made = Path(ended.json["file"])
    assert made.parent == tmp_path
    told = federation_up("restore", str(tmp_path), "--dry-run")
    assert (told.code, "records would be restored: 0" in told.out) == (Exit.OK, True), told.err
    assert "owners would be restored: 0" in told.out
    back = federation_up("restore", str(made), "--json")
    assert (back.code, back.json["records"]["restored"]) == (Exit.OK, 0)
    assert back.json["owners"] == {"restored": 0, "same": 1, "other_owner": 0, "newer_there": 0}
    made.write_bytes(made.read_bytes()[:-9])
    refused = federation_up("restore", str(made))
    assert (refused.code, "damaged or cut short" in refused.err) == (Exit.FAILED, True)
    assert federation_up("restore", str(tmp_path / "nothing")).code == Exit.USAGE
