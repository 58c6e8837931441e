"""Reads the registry of one site where it is, by its JetStream domain: first all of it, then what is new at every look.

A link that was cut leaves nothing behind to be mended: the next look that succeeds reads what was missed.
"""

from __future__ import annotations

import time

from bus.errors import StorageMissing
from bus.kv import Bucket
from bus.reading import StreamState
from bus.subjects import Instance
from directory.mirror import record_of
from directory.place import Place, Repair, repair
from directory.sites import Sites


class Watch:
    """Keeps what `sites` holds of one site true to its bucket. Not to be used by two tasks at once."""

    def __init__(self, site: str, bucket: Bucket, sites: Sites) -> None:
        self.site = site
        self._bucket = bucket
        self._sites = sites
        self._place = Place()
        self._looked_at = time.monotonic()

    async def look(self) -> set[Instance]:
        """Whose record may be another than before. Raises StorageAway and the like; then nothing was changed."""
        state = await self._state()
        now = time.monotonic()
        needed = repair(self._place, state, now - self._looked_at)
        changed: set[Instance] = set()
        if state is None:
            changed, self._place = self._sites.hold_exactly(self.site, ()), Place()
        elif needed.reads_everything:  # what a site lost, its own directories write back
            changed = await self._read_all(state)
        elif needed is Repair.CATCH_UP:
            changed = await self._read_new(state)
        self._looked_at = now
        return changed

    async def _state(self) -> StreamState | None:
        try:
            return await self._bucket.state()
        except StorageMissing:
            return None

    async def _read_all(self, state: StreamState) -> set[Instance]:
        entries, last = await self._bucket.read_from(1, state.last)
        records = [record for entry in entries if (record := record_of(entry)) is not None]
        self._place = Place(state.created, max(last, state.last))
        return self._sites.hold_exactly(self.site, records)

    async def _read_new(self, state: StreamState) -> set[Instance]:
        entries, last = await self._bucket.read_from(self._place.sequence + 1, state.last)
        changed: set[Instance] = set()
        for entry in entries:
            who = Instance.from_key(entry.key)
            if who is not None:
                changed |= self._sites.hold(self.site, who, record_of(entry))
        self._place = Place(state.created, max(last, state.last))
        return changed
