"""Ranked search over what members say: a derived view of the registry, a moment behind it.

Changes are queued on the event loop and committed in a thread, several at once; exact look-ups never come here, so
nobody waits for a commit but ranked text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any

from tantivy import IndexWriter, Query

from directory.fulltext import Fulltext
from directory.question import Question
from directory.registry import Change

PAUSE_S = 0.05
"""How long a first change waits for others to share its commit. Longer means fewer commits and later findings."""
MAX_BATCH = 500
"""Changes in one commit. More make a bulk load quicker, at the expense of the change that comes meanwhile."""
STOP_S = 10.0
_HEAP_BYTES = 15_000_000

Batch = list[tuple[int, str, Mapping[str, Any] | None]]


class TextIndex:
    """Members by the words of their manifests. For one event loop; only commits run in a thread."""

    def __init__(self, *, pause_s: float = PAUSE_S) -> None:
        self.generation = 0
        """Rises whenever committed changes come into sight."""
        self._pause_s = pause_s
        self._fulltext = Fulltext()
        self._index = self._fulltext.index()
        self._searcher = self._index.searcher()
        self._writer: IndexWriter | None = self._index.writer(_HEAP_BYTES, num_threads=1)
        self._writing = Lock()
        self._ordinals: dict[str, int] = {}
        self._members: dict[int, str] = {}
        self._last_ordinal = 0
        self._pending: dict[int, tuple[str, Mapping[str, Any] | None]] = {}
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # changes ----------------------------------------------------------------------------------------------------

    def follow(self, change: Change) -> None:
        """Queue what a change of the registry means here."""
        if not change.retold:
            return
        if change.after is None:
            self.remove(change.who.member)
        else:
            self.put(change.after.id, change.after.manifest)

    def put(self, member: str, manifest: Mapping[str, Any]) -> None:
        """Queue a member's manifest in place of its last one. Nobody may change the manifest afterwards."""
        ordinal = self._ordinals.get(member)
        if ordinal is None:
            ordinal = self._last_ordinal = self._last_ordinal + 1
            self._ordinals[member] = ordinal
            self._members[ordinal] = member
        self._queue(ordinal, member, manifest)

    def remove(self, member: str) -> None:
        """Forget a member: it is found no more, at once."""
        ordinal = self._ordinals.pop(member, None)
        if ordinal is not None:
            del self._members[ordinal]
            self._queue(ordinal, member, None)

    def _queue(self, ordinal: int, member: str, manifest: Mapping[str, Any] | None) -> None:
        self._pending.pop(ordinal, None)
        self._pending[ordinal] = (member, manifest)
        self._settled.clear()
        self._wake.set()

    # asking -----------------------------------------------------------------------------------------------------

    def readings(self, text: str) -> Iterator[dict[str, float]]:
        """Members with their scores, the strictest reading of `text` first: every word; mistyped; any word.

        A caller takes the first that leaves it something. Any text at all is taken, never an error.
        """
        if self._searcher.num_docs:
            yield from map(self._found, Question(self._fulltext, self._searcher, text).queries())

    def _found(self, query: Query) -> dict[str, float]:
        searcher = self._searcher
        hits = searcher.search(query, limit=searcher.num_docs, count=False).hits
        ordinals = searcher.fast_field_values("ordinal", [address for _, address in hits])
        named = zip(map(self._members.get, ordinals), hits, strict=True)  # type: ignore[arg-type]  # ordinals are int
        return {member: hit[0] for member, hit in named if member is not None}

    # committing -------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Changes queued and not yet taken into a commit."""
        return len(self._pending)

    @property
    def running(self) -> bool:
        """Whether changes are being committed: started, not stopped, not failed."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Commit from now on, in a task this index owns. For a task group of your own: `run`."""
        self._task = asyncio.create_task(self.run(), name="text-index")

    async def run(self) -> None:
        """Commit queued changes until `stop`."""
        while await self._more():
            await asyncio.to_thread(self._commit, self._take())
            self._searcher = self._index.searcher()
            self.generation += 1
            if not self._pending:
                self._settled.set()

    async def settled(self) -> None:
        """Wait until every change queued so far is found. Bound the wait: it ends only while changes are committed."""
        await self._settled.wait()

    async def stop(self) -> None:
        """Commit what is queued, and end. Raises what ended the commits, where something did."""
        self._stopping.set()
        self._wake.set()
        try:
            if self._task is not None:
                async with asyncio.timeout(STOP_S):
                    await self._task
        finally:
            await asyncio.to_thread(self._close)

    async def _more(self) -> bool:
        """Wait for changes; False when there are none and none will come."""
        if not self._pending and not self._stopping.is_set():
            self._wake.clear()
            await self._wake.wait()
        if len(self._pending) < MAX_BATCH:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._pause_s)
        return bool(self._pending)

    def _take(self) -> Batch:
        """The newest first: who changed just now is found at once, even behind a bulk load."""
        taken = [self._pending.popitem() for _ in range(min(len(self._pending), MAX_BATCH))]
        return [(ordinal, *change) for ordinal, change in taken]

    # in the thread ----------------------------------------------------------------------------------------------

    def _commit(self, batch: Batch) -> None:
        with self._writing:
            if self._writer is None:
                return
            for ordinal, member, manifest in batch:
                self._writer.delete_documents_by_term("ordinal", ordinal)
                if manifest is not None:
                    self._writer.add_document(self._fulltext.document(ordinal, member, manifest))
            self._writer.commit()
            self._index.reload()

    def _close(self) -> None:
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.wait_merging_threads()
