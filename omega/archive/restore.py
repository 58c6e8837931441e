"""The station that brings a backup back: verified first, then written where nothing newer is.

Records go in by compare-and-swap, each acknowledged before it is counted. Events go only into a trail that is empty,
or that ends in this backup's own events: in their order, on a subject nobody listens to, so that none looks new.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from bus import Bus
from bus.errors import OutcomeUnknown, StorageMissing
from bus.kv import Bucket, RevisionChanged, Write
from bus.streams import prepare
from omega.archive.events import EventsBack
from omega.archive.file import Verified, body, verify
from omega.archive.lines import EventLine, Header, RecordLine, read_line
from omega.archive.merge import Verdict, judge, time_left

_CHUNK = 256
_ATTEMPTS = 8
_NAMED = 1_000

Clock = Callable[[], float]


@dataclass(slots=True)
class Restored:
    """What became of a backup; with a dry run, what would become of it."""

    header: Header
    dry_run: bool
    records: Counter[Verdict] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    """Keys where the registry held something newer: the first thousand of them."""
    events: int = 0
    """Events stored; not those that were there from an earlier, interrupted restore."""
    events_skipped: int = 0
    """Events that were left out, because the trail holds events of its own."""


async def restore(bus: Bus, file: IO[bytes], now: Clock, *, dry_run: bool = False) -> Restored:
    """Bring the backup in `file` into the federation on `bus`. It may be done again, after an interruption too.

    Raises BadBackup before anything is written; StorageAway or OutcomeUnknown in the middle, with nothing counted
    that was not acknowledged.
    """
    verified = await asyncio.to_thread(verify, file)
    if not dry_run:
        await prepare(bus)
    done = Restored(verified.header, dry_run)
    records, trail = _Records(bus, verified, now, done), EventsBack(bus, verified.header.sha256, dry_run=dry_run)
    chunks = _chunks(file)
    while chunk := await asyncio.to_thread(next, chunks, ()):
        await records.take([line for line in chunk if isinstance(line, RecordLine)])
        await trail.take([line for line in chunk if isinstance(line, EventLine)])
    done.events, done.events_skipped = trail.stored, trail.skipped
    return done


class _Records:
    """The registry's part."""

    def __init__(self, bus: Bus, verified: Verified, now: Clock, done: Restored) -> None:
        self._bucket = Bucket(bus, bus.settings.bucket)
        self._last = verified.last
        self._now = now
        self._done = done

    async def take(self, lines: Sequence[RecordLine]) -> None:
        """Write what counts of `lines`. Raises StorageAway, OutcomeUnknown."""
        valid = [line for line in lines if not line.gone and self._last[line.record] == line.revision]
        verdicts = await asyncio.gather(*(self._one(line) for line in valid), return_exceptions=True)
        for line, verdict in zip(valid, verdicts, strict=True):
            if isinstance(verdict, BaseException):
                raise verdict
            self._done.records[verdict] += 1
            if verdict is Verdict.NEWER_THERE and len(self._done.kept) < _NAMED:
                self._done.kept.append(line.record)

    async def _one(self, line: RecordLine) -> Verdict:
        current, revision = await self._held(line.record) if self._done.dry_run else (None, 0)
        for _ in range(_ATTEMPTS):
            verdict = judge(current, line.data, line.ends_at, self._now())
            if verdict is not Verdict.RESTORED or self._done.dry_run:
                return verdict
            try:
                await self._bucket.put(Write(line.record, line.data, revision, time_left(line.ends_at, self._now())))
            except RevisionChanged:
                current, revision = await self._held(line.record)
            else:
                return verdict
        raise OutcomeUnknown(f"{line.record}: written by others {_ATTEMPTS} times over; restore again")

    async def _held(self, key: str) -> tuple[bytes | None, int]:
        try:
            entry = await self._bucket.get(key)
        except StorageMissing:
            return None, 0
        return entry.value, entry.revision


def _chunks(file: IO[bytes]) -> Iterator[Sequence[RecordLine | EventLine]]:
    lines = body(file)
    while chunk := list(islice(lines, _CHUNK)):
        yield [read_line(line) for line in chunk]
