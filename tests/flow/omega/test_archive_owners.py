"""Who owns which id comes back with a backup, before anything else does, and takes no id from anybody."""

from __future__ import annotations

import asyncio
import gzip
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bus import Bus, BusSettings, Federation, Instance, Message
from bus.errors import Conflict, FederationError
from bus.kv import Bucket, Write
from bus.streams import prepare
from directory import Directory
from omega.archive.backup import BackupFile
from omega.archive.merge import Verdict
from omega.cli.archive import told
from omega.trouble import Trouble
from tests.support.archive import as_version_1, brought_back, saved
from tests.support.federation import manifest, running_directory
from tests.support.nats import NatsServer, until

WHO = Instance("my_service")


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@asynccontextmanager
async def gateway(bus: Bus, server: NatsServer) -> AsyncIterator[tuple[Federation, Directory]]:
    """A directory, and a gateway's way to it, while the block runs."""
    async with running_directory(BusSettings(nats_url=server.url, max_backoff_s=0.2)) as directory:
        yield Federation(bus, speaks_for_callers=True), directory


async def registers(federation: Federation, caller: str | None, id: str = "my_service", **more: Any) -> dict[str, Any]:
    return await federation.register_bytes(Instance(id), orjson.dumps(manifest(id, **more)), caller=caller)


async def refusal(work: Any) -> tuple[str, Any]:
    with pytest.raises(FederationError) as caught:
        await work
    return caught.value.code, (caught.value.details or {}).get("reason")


async def gives(federation: Federation, owner: str | None, id: str = "my_service") -> None:
    body = orjson.dumps({"id": id, "owner": owner})
    assert orjson.loads((await federation.bus.request("omega.directory-admin.owner", body)).data)["owner"] == owner


async def owns(bus: Bus, owners: dict[str, str | None], since: float = 500.0) -> None:
    """Write owners as a directory does."""
    await prepare(bus)
    bucket = Bucket(bus, "omega_owners")
    ids = list(owners.items())
    for some in (ids[at : at + 250] for at in range(0, len(ids), 250)):
        await asyncio.gather(*(bucket.put(Write(id, owned(id, owner, since), 0)) for id, owner in some))


def owned(id: str, owner: str | None, since: float) -> bytes:
    return orjson.dumps({"id": id, "owner": owner, "since": since, "by": "operator"})


async def stored(bus: Bus, bucket: str = "omega_owners") -> dict[str, bytes | None]:
    entries, _ = await Bucket(bus, bucket).read_from(1)
    return {entry.key: entry.value for entry in entries}


async def lose_everything(bus: Bus, server: NatsServer, store: Path) -> None:
    server.kill()
    await until(lambda: not bus.connected)
    shutil.rmtree(store)
    server.start()
    await until(lambda: bus.connected)


async def test_a_stranger_is_refused_an_id_after_the_loss_of_everything_as_before(
    bus: Bus, nats_server: NatsServer, path: Path, tmp_path: Path
) -> None:
    async with gateway(bus, nats_server) as (federation, _):
        await registers(federation, "alice")
        strangers = ("mallory", None)
        before = [await refusal(registers(federation, stranger, version="6.6.6")) for stranger in strangers]
        await saved(bus, path)
    await lose_everything(bus, nats_server, tmp_path / "nats" / "store")
    done = await brought_back(bus, path)
    assert done.owners == {Verdict.RESTORED: 1}
    async with gateway(bus, nats_server) as (federation, _):
        after = [await refusal(registers(federation, stranger, version="6.6.6")) for stranger in strangers]
        assert after == before == [("conflict", "owned"), ("not_allowed", "not_owner")]
        assert (await federation.server("my_service"))["version"] == "1.0.0"
        assert (await registers(federation, "alice"))["status"] == "unchanged"


async def test_owners_and_releases_come_back_as_they_were(bus: Bus, other: Bus, path: Path) -> None:
    await owns(bus, {"a": "bus:a", "h": "http:alice", "k": "key:k1", "free": None})
    await Bucket(bus, "omega_owners").put(Write("odd", b"\xff no JSON", 0))
    header = await saved(bus, path)
    assert header.owners is not None
    assert (header.owners.stream, header.owners.lines, header.registry.lines) == ("KV_omega_owners", 5, 0)
    done = await brought_back(other, path)
    assert done.owners == {Verdict.RESTORED: 5}
    assert await stored(other) == await stored(bus)


async def test_owners_are_there_before_the_first_record(
    bus: Bus, nats_server: NatsServer, other: Bus, path: Path
) -> None:
    ids = [f"m{number}" for number in range(30)]
    async with gateway(bus, nats_server) as (federation, _):
        await asyncio.gather(*(registers(federation, "alice", id) for id in ids))
        await saved(bus, path)
    heard: list[str] = []
    for tree in ("omega.owner.>", "omega.change.>"):
        other.listen(tree, lambda message: heard.append(message.subject))
    await other.flush()
    await brought_back(other, path)
    await until(lambda: len(heard) == 60)
    assert {subject.split(".")[1] for subject in heard[:30]} == {"owner"}


async def test_a_directory_that_runs_knows_restored_owners_at_once(
    bus: Bus, other: Bus, other_server: NatsServer, path: Path
) -> None:
    await owns(bus, {"my_service": "http:alice"})
    await saved(bus, path)
    async with gateway(other, other_server) as (federation, directory):
        await brought_back(other, path)
        await until(lambda: directory.owners.of("my_service") == "http:alice")
        with pytest.raises(Conflict):
            await registers(federation, "mallory")


async def test_what_registers_while_the_registry_is_read_has_its_owner_in_the_backup(
    bus: Bus, nats_server: NatsServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, add = asyncio.get_running_loop(), BackupFile.add
    async with gateway(bus, nats_server) as (federation, _):
        await registers(federation, "alice", "first")

        def with_a_registration(self: BackupFile, lines: bytes) -> None:
            monkeypatch.undo()
            asyncio.run_coroutine_threadsafe(registers(federation, "alice", "late"), loop).result(10)
            add(self, lines)

        monkeypatch.setattr(BackupFile, "add", with_a_registration)
        await saved(bus, path)
    assert [line["owned"] for line in lines_of(path) if "owned" in line] == ["first", "late"]


def lines_of(path: Path) -> Sequence[dict[str, Any]]:
    return [orjson.loads(line) for line in gzip.decompress(read(path)).splitlines()]


async def test_beside_live_members_nobody_loses_an_id(bus: Bus, nats_server: NatsServer, path: Path) -> None:
    async with gateway(bus, nats_server) as (federation, _):
        for id in ("same", "given", "released"):
            await registers(federation, "alice", id)
        await saved(bus, path)
        await gives(federation, "http:bob", "given")
        await gives(federation, None, "released")
        before = await stored(bus), await stored(bus, "omega_registry")
        done = await brought_back(bus, path)
        assert (await stored(bus), await stored(bus, "omega_registry")) == before
    assert done.owners == {Verdict.SAME: 1, Verdict.OTHER_OWNER: 1, Verdict.NEWER_THERE: 1}
    assert sorted(done.owners_kept) == ["given", "released"]
    lines = told(path, done)
    assert "owners left alone, the id has another owner: 1" in lines
    assert "owners left alone, the id was released since: 1" in lines
    assert {"  given", "  released"} <= set(lines)


async def test_the_record_of_a_former_owner_does_not_come_back(
    bus: Bus, nats_server: NatsServer, other: Bus, path: Path
) -> None:
    async with gateway(bus, nats_server) as (federation, _):
        for id in ("mine", "given", "released"):
            await registers(federation, "alice", id)
        await saved(bus, path)
    await owns(other, {"given": "http:bob"}, since=1.0)
    await owns(other, {"released": None}, since=2e10)
    for dry_run in (True, False):
        done = await brought_back(other, path, dry_run=dry_run)
        assert done.records == {Verdict.RESTORED: 1, Verdict.OTHER_OWNER: 2}
    assert list(await stored(other, "omega_registry")) == ["mine.default"]


async def test_an_id_given_back_gets_its_record_when_the_backup_is_restored_again(
    bus: Bus, nats_server: NatsServer, other: Bus, other_server: NatsServer, path: Path
) -> None:
    async with gateway(bus, nats_server) as (federation, _):
        await registers(federation, "alice")
        await saved(bus, path)
    await owns(other, {"my_service": "http:mallory"})
    assert (await brought_back(other, path)).owners == {Verdict.OTHER_OWNER: 1}
    async with gateway(other, other_server) as (federation, _):
        await gives(federation, "http:alice")
        done = await brought_back(other, path)
        assert (done.owners, done.records) == ({Verdict.SAME: 1}, {Verdict.RESTORED: 1})
        assert (await federation.server("my_service"))["version"] == "1.0.0"


async def test_an_owner_that_was_deleted_by_hand_comes_back(bus: Bus, path: Path) -> None:
    await owns(bus, {"m": "http:alice"})
    await saved(bus, path)
    await bus.request("$KV.omega_owners.m", b"", headers={"KV-Operation": "DEL"})
    await saved(bus, path.with_name("without"))
    assert (await brought_back(bus, path.with_name("without"))).owners == {}
    assert (await brought_back(bus, path)).owners == {Verdict.RESTORED: 1}
    assert await stored(bus) == {"m": owned("m", "http:alice", 500.0)}


async def test_a_dry_run_tells_of_owners_and_writes_none(bus: Bus, other: Bus, path: Path) -> None:
    await owns(bus, {"a": "bus:a", "b": "bus:b"})
    await saved(bus, path)
    done = await brought_back(other, path, dry_run=True)
    assert done.owners == {Verdict.RESTORED: 2}
    assert "owners would be restored: 2" in told(path, done)
    assert not orjson.loads((await other.request("$JS.API.STREAM.NAMES", b"")).data)["streams"]


async def test_an_interrupted_restore_of_owners_is_finished_by_doing_it_again(
    bus: Bus, other: Bus, other_server: NatsServer, path: Path
) -> None:
    await owns(bus, {f"m{number}": "http:alice" for number in range(2_000)})
    await saved(bus, path)
    heard: list[Message] = []
    other.listen("omega.owner.>", heard.append)
    await prepare(other)
    restoring = asyncio.create_task(brought_back(other, path))
    await until(lambda: len(heard) > 100, within=20)
    other_server.kill()
    with pytest.raises((FederationError, Trouble)):
        await restoring
    await until(lambda: not other.connected)
    other_server.start()
    await until(lambda: other.connected)
    done = await brought_back(other, path)
    assert done.owners[Verdict.SAME] > 100
    assert done.owners[Verdict.RESTORED] + done.owners[Verdict.SAME] == 2_000
    assert await stored(other) == await stored(bus)


async def test_a_backup_from_before_owners_were_in_it_is_read_and_says_so(
    bus: Bus, nats_server: NatsServer, other: Bus, path: Path
) -> None:
    async with gateway(bus, nats_server) as (federation, _):
        await registers(federation, "alice")
        await saved(bus, path)
    write(path, as_version_1(read(path)))
    done = await brought_back(other, path)
    assert (done.owners, done.records) == ({}, {Verdict.RESTORED: 1})
    assert await stored(other) == {}
    assert any(line.startswith("owners: none in a backup this old") for line in told(path, done))
