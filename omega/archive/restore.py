"""The station that brings a backup back: verified first, then written where nothing newer is.

Owners go in before records: at no moment is an id there that had an owner and has none. Records and owners go in by
compare-and-swap, each acknowledged before it is counted. Events go only into a trail that is empty, or that ends in
this backup's own events: in their order, on a subject nobody listens to, so that none looks new.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from bus import Bus
from bus.kv import Bucket
from bus.streams import prepare
from omega.archive.entries import Clock, EntriesBack
from omega.archive.events import EventsBack
from omega.archive.file import Verified, body, verify
from omega.archive.lines import AnyLine, EventLine, Header, RecordLine, read_line
from omega.archive.merge import Saved, Verdict, judge, judge_owner

_CHUNK = 256
_NAMED = 1_000


@dataclass(slots=True)
class Restored:
    """What became of a backup; with a dry run, what would become of it."""

    header: Header
    dry_run: bool
    owners: Counter[Verdict] = field(default_factory=Counter)
    owners_kept: list[str] = field(default_factory=list)
    """Ids that have another owner there, or were released since: the first thousand of them."""
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
    owners = await _owners_back(bus, verified, now, dry_run=dry_run)
    records = _Records(bus, verified, now, owners.kept, dry_run=dry_run)
    trail = EventsBack(bus, verified.header.sha256, dry_run=dry_run)
    chunks = _chunks(file)
    while chunk := await asyncio.to_thread(next, chunks, ()):
        await records.take([line for line in chunk if isinstance(line, RecordLine)])
        await trail.take([line for line in chunk if isinstance(line, EventLine)])
    return Restored(
        verified.header,
        dry_run,
        owners=owners.verdicts,
        owners_kept=owners.kept[:_NAMED],
        records=records.back.verdicts,
        kept=records.back.kept[:_NAMED],
        events=trail.stored,
        events_skipped=trail.skipped,
    )


async def _owners_back(bus: Bus, verified: Verified, now: Clock, *, dry_run: bool) -> EntriesBack:
    back = EntriesBack(Bucket(bus, bus.settings.owners_bucket), judge_owner, now, dry_run=dry_run)
    await back.take([Saved(line.owned, line.data) for line in verified.owners.values() if not line.gone])
    return back


class _Records:
    """The registry's part: of each key the last line, unless the id is not its saved owner's any more."""

    def __init__(self, bus: Bus, verified: Verified, now: Clock, lost: Sequence[str], *, dry_run: bool) -> None:
        bucket = Bucket(bus, bus.settings.bucket)
        self.back = EntriesBack(bucket, lambda current, saved: judge(current, saved, now()), now, dry_run=dry_run)
        self._last = verified.last
        self._lost = frozenset(lost)

    async def take(self, lines: Sequence[RecordLine]) -> None:
        """Write what counts of `lines`. Raises StorageAway, OutcomeUnknown."""
        valid = [line for line in lines if not line.gone and self._last[line.record] == line.revision]
        # Under the id of another owner, or of none any more, it would stand for somebody who did not register it.
        ours = [line for line in valid if line.record.partition(".")[0] not in self._lost]
        if len(ours) < len(valid):
            self.back.verdicts[Verdict.OTHER_OWNER] += len(valid) - len(ours)
        await self.back.take([Saved(line.record, line.data, line.ends_at) for line in ours])


def _chunks(file: IO[bytes]) -> Iterator[Sequence[AnyLine]]:
    lines = body(file)
    while chunk := list(islice(lines, _CHUNK)):
        yield [read_line(line) for line in chunk]
