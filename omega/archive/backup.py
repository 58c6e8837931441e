"""The station that makes a backup: each stream read to its end, batch by batch, into one file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bus import Bus
from bus.kv import Bucket
from bus.reading import Stored, StreamReader, StreamState
from omega.archive.file import BackupFile
from omega.archive.lines import Header, Part, event_line, owner_line, record_line

ToLine = Callable[[Stored], bytes]


async def back_up(bus: Bus, path: Path, *, made_at: str, version: str, replace: bool = False) -> Header:
    """Write registry, owners and events of the federation on `bus` to `path`, readable for its owner only.

    The file is complete and on the disk when this returns, and not there when it raises: Trouble (the place is taken
    or not writable), StorageMissing (there is no federation), StorageAway.
    """
    settings, subjects = bus.settings, bus.subjects
    bucket = Bucket(bus, settings.bucket)
    owned = Bucket(bus, settings.owners_bucket)
    trail = StreamReader(bus, settings.events_stream)

    def of_record(stored: Stored) -> bytes:
        return record_line(bucket.read_stored(stored), stored)

    def of_owner(stored: Stored) -> bytes:
        return owner_line(owned.read_stored(stored), stored)

    def of_event(stored: Stored) -> bytes:
        return event_line(subjects.event_tail(stored.subject), stored)

    with BackupFile(path, replace=replace) as file:
        registry = await _copy(bucket, bucket.stream, file, of_record)
        # After the registry: an id has its owner before it has a record, so what came while the registry was read is
        # owned here. (What is signed gets its owner a moment later, and gives way to nothing without the key.)
        owners = await _copy(owned, owned.stream, file, of_owner)
        events = await _copy(trail, settings.events_stream, file, of_event)
        header = Header(
            made_at=made_at,
            omega=version,
            prefix=settings.prefix,
            registry=registry,
            owners=owners,
            events=events,
            bytes=file.bytes,
            sha256=file.sha256,
        )
        await asyncio.to_thread(file.finish, header)
    return header


async def _copy(source: Bucket | StreamReader, stream: str, file: BackupFile, to_line: ToLine) -> Part:
    """Copy until nothing is left to read that the leader knew of when the reading began.

    What was overwritten while it was read stands further back with its new value, so the last line of each key is
    the state at the last sequence.
    """
    state: StreamState = await source.state()
    last, lines = 0, 0
    async for batch in source.batches(1, state.last):
        text = b"".join(map(to_line, batch))
        await asyncio.to_thread(file.add, text)
        last, lines = batch[-1].sequence, lines + text.count(b"\n")
    return Part(stream=stream, sequence=max(last, state.last), lines=lines)
