"""Entries of a backup on their way back into a bucket: judged by what is there, written by compare-and-swap."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from bus.errors import OutcomeUnknown, StorageMissing
from bus.kv import Bucket, RevisionChanged, Write
from omega.archive.merge import Saved, Verdict, time_left

_AT_ONCE = 256
_ATTEMPTS = 8

Clock = Callable[[], float]
Judge = Callable[[bytes | None, Saved], Verdict]
"""Given what the bucket holds of the key (None: nothing), what to do."""


class EntriesBack:
    """Puts entries into `bucket` where `judge` says so, each acknowledged before it is counted."""

    def __init__(self, bucket: Bucket, judge: Judge, now: Clock, *, dry_run: bool) -> None:
        self._bucket = bucket
        self._judge = judge
        self._now = now
        self._dry_run = dry_run
        self.verdicts: Counter[Verdict] = Counter()
        self.kept: list[str] = []
        """Keys that hold something else, which stays."""

    async def take(self, entries: Sequence[Saved]) -> None:
        """Write what is missing of `entries`. Raises StorageAway, OutcomeUnknown."""
        for at in range(0, len(entries), _AT_ONCE):
            await self._take_at_once(entries[at : at + _AT_ONCE])

    async def _take_at_once(self, entries: Sequence[Saved]) -> None:
        verdicts = await asyncio.gather(*map(self._one, entries), return_exceptions=True)
        for saved, verdict in zip(entries, verdicts, strict=True):
            if isinstance(verdict, BaseException):
                raise verdict
            self.verdicts[verdict] += 1
            if verdict in (Verdict.NEWER_THERE, Verdict.OTHER_OWNER):
                self.kept.append(saved.key)

    async def _one(self, saved: Saved) -> Verdict:
        current, revision = await self._held(saved.key) if self._dry_run else (None, 0)
        for _ in range(_ATTEMPTS):
            verdict = self._judge(current, saved)
            if verdict is not Verdict.RESTORED or self._dry_run:
                return verdict
            try:
                await self._bucket.put(Write(saved.key, saved.data, revision, time_left(saved.ends_at, self._now())))
            except RevisionChanged:
                current, revision = await self._held(saved.key)
            else:
                return verdict
        raise OutcomeUnknown(f"{saved.key}: written by others {_ATTEMPTS} times over; restore again")

    async def _held(self, key: str) -> tuple[bytes | None, int]:
        try:
            entry = await self._bucket.get(key)
        except StorageMissing:
            return None, 0
        return entry.value, entry.revision
