"""The registry's bucket in memory, with the rules of the real one: revisions, compare-and-swap, markers, a feed.

Every operation gives way once where the real one waits for the network, so that a test decides what comes in between.
`tests/flow/bus/test_memory_bucket.py` asks both the same questions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from bus.errors import OutcomeUnknown, StorageAway, StorageMissing
from bus.kv import Entry, RevisionChanged, Write
from bus.reading import StreamState
from bus.streams import TOMBSTONE_TTL_S

Result = TypeVar("Result")


class Fault(Enum):
    """What may become of one write."""

    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    """It is stored, and nobody is told."""


class Pause:
    """An awaitable that gives way once; whoever drives the coroutine decides when it goes on."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass(frozen=True, slots=True)
class _Held:
    entry: Entry
    ends_at: float | None


class MemoryBucket:
    """One bucket, made at once. `clock` decides when a time to live is over."""

    def __init__(self, clock: Callable[[], float], *, begins_after: int = 0, batch: int = 3) -> None:
        """`begins_after` is the sequence before its first."""
        self._clock = clock
        self._batch = batch
        self._made = 0
        self._held: dict[str, _Held] | None = None
        self._last = begins_after
        self.feeds: list[Callable[[Entry], None]] = []
        """Who is told of each write, as it is committed."""
        self.fault: Fault | None = None
        """What happens to the next write."""
        self._create()

    # what a directory does ------------------------------------------------------------------------------------------

    async def get(self, key: str) -> Entry:
        await Pause()
        held = self._there().get(key)
        return held.entry if held else Entry(key, None, 0)

    get_surely = get

    async def put(self, write: Write) -> int:
        await Pause()
        fault, self.fault = self.fault, None
        if fault is Fault.REQUEST_LOST:
            raise OutcomeUnknown("the request was lost")
        if self._held is None:
            raise StorageAway()
        held = self._held.get(write.key)
        if (held.entry.revision if held else 0) != write.revision:
            raise RevisionChanged(write.key)
        ends_at = None if write.ttl_s is None else self._clock() + write.ttl_s
        revision = self._commit(write.key, write.value, ends_at)
        await Pause()
        if fault is Fault.ANSWER_LOST:
            raise OutcomeUnknown("the answer was lost")
        return revision

    async def put_missing(self, writes: Sequence[Write]) -> int:
        done = 0
        for write in writes:
            try:
                done += bool(await self.put(write))
            except RevisionChanged:
                continue
        return done

    async def read_from(self, sequence: int, until: int = 0) -> tuple[list[Entry], int]:
        found: list[Entry] = []
        last = sequence - 1
        while True:
            await Pause()
            in_order = sorted((held.entry for held in self._there().values()), key=lambda entry: entry.revision)
            batch = [entry for entry in in_order if entry.revision > last][: self._batch]
            found += batch
            last = batch[-1].revision if batch else last
            if not batch or (last >= until and len(batch) < self._batch):
                return found, last

    async def keys(self, below: str) -> list[str]:
        await Pause()
        return sorted(key for key in self._there() if key.startswith(below.removesuffix("*")))

    async def state(self) -> StreamState:
        await Pause()
        return StreamState(str(self._made), self._last, len(self._there()))

    async def make(self) -> None:
        """Make the bucket where it is missing."""
        await Pause()
        if self._held is None:
            self._create()

    # what happens to it ---------------------------------------------------------------------------------------------

    def lose(self) -> None:
        """The bucket is gone, with everything in it."""
        self._held = None

    def empty(self) -> None:
        """Everything in it is gone without a mark, and its sequences go on."""
        if self._held is not None:
            self._held.clear()

    def vanish(self, key: str) -> None:
        """A key is gone without a mark."""
        del self._there()[key]

    def delete(self, key: str) -> None:
        """Somebody deletes a key by hand: a mark of it stays."""
        if self._held is not None:
            self._commit(key, None, None)

    def pass_time(self) -> None:
        """What has lived its time becomes a mark, and the mark goes without a word in its turn."""
        now = self._clock()
        while over := [one for one in (self._held or {}).values() if one.ends_at is not None and one.ends_at <= now]:
            for held in over:
                if held.entry.value is not None:
                    self._commit(held.entry.key, None, (held.ends_at or now) + TOMBSTONE_TTL_S)
                else:
                    del self._there()[held.entry.key]

    @property
    def entries(self) -> dict[str, Entry]:
        """What is in it."""
        return {key: held.entry for key, held in (self._held or {}).items()}

    def _create(self) -> None:
        self._made += 1
        self._held = {}
        self._last += 1_000 * (self._made - 1)  # as the real one, it never gives a number twice

    def _there(self) -> dict[str, _Held]:
        if self._held is None:
            raise StorageMissing()
        return self._held

    def _commit(self, key: str, value: bytes | None, ends_at: float | None) -> int:
        self._last += 1
        entry = Entry(key, value, self._last)
        self._there()[key] = _Held(entry, ends_at)
        for feed in self.feeds:
            feed(entry)
        return self._last


def run(work: Awaitable[Result]) -> Result:
    """Drive `work`, which waits for nothing but Pauses, to its end."""
    steps = work.__await__()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
