"""Events of a backup on their way back into the trail: all of them in their order, or none.

The trail is append-only, so they can only stand before whatever happens next. Each is stored on the condition that
the last one is ours: an event of the running federation in between ends it. The header of each names the backup and
its place there, which is how an interrupted restore finds where to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson

from bus import Bus
from bus.errors import DeadlineExceeded, NoInstance, OutcomeUnknown, StorageAway, StorageMissing
from bus.reading import StreamReader, raise_unless
from omega.archive.lines import EventLine

RESTORED_FROM = "Omega-Restored-From"
RESTORED_SEQUENCE = "Omega-Restored-Sequence"
RESTORED_AT = "Omega-Restored-At"
"""When the event was first stored; its body tells when it happened."""
_EXPECTED_LAST = "Nats-Expected-Last-Sequence"
_WRONG_LAST = 10071


class EventsBack:
    """Puts the events of the backup `id` into the trail."""

    def __init__(self, bus: Bus, id: str, *, dry_run: bool) -> None:
        self._bus = bus
        self._id = id
        self._dry_run = dry_run
        self._reader = StreamReader(bus, bus.settings.events_stream)
        self._last: int | None = None
        """The last sequence of the trail as we left it; None: not looked yet."""
        self._reached = 0
        """The highest sequence of the backup that is in the trail."""
        self._closed = False
        self.stored = 0
        self.skipped = 0

    async def take(self, events: Sequence[EventLine]) -> None:
        """Store `events`, or count them as skipped. Raises StorageAway, OutcomeUnknown."""
        if not events:
            return
        if self._last is None:
            self._last = await self._look()
        missing = [event for event in events if event.sequence > self._reached]
        if self._closed:
            self.skipped += len(missing)
        elif self._dry_run:
            self.stored += len(missing)
        else:
            await self._append(missing)

    async def _look(self) -> int:
        """How far the trail goes, and whether and where we may go on in it."""
        try:
            state = await self._reader.state()
            newest = await self._reader.next_from(state.last) if state.messages else None
        except StorageMissing:
            return 0
        if newest is not None and newest.headers.get(RESTORED_FROM) == self._id:
            self._reached = int(newest.headers.get(RESTORED_SEQUENCE, "0"))
        else:
            self._closed = state.messages > 0
        return state.last

    async def _append(self, events: Sequence[EventLine]) -> None:
        assert self._last is not None
        sent = (self._send(event, self._last + place) for place, event in enumerate(events))
        answers = await asyncio.gather(*sent, return_exceptions=True)
        for event, stored in zip(events, answers, strict=True):
            if isinstance(stored, BaseException):
                raise stored
            if not stored:
                self._closed = True
                self.skipped += 1
                continue
            self._last += 1
            self._reached = event.sequence
            self.stored += 1

    async def _send(self, event: EventLine, after: int) -> bool:
        """Whether the event was stored just behind the sequence `after`; False: something else stands there."""
        marks = {RESTORED_FROM: self._id, RESTORED_SEQUENCE: str(event.sequence), RESTORED_AT: event.at}
        sent = {**event.headers, **marks, _EXPECTED_LAST: str(after)}
        try:
            reply = await self._bus.request(
                self._bus.subjects.restored(event.event), event.data, headers=sent, timeout=10
            )
        except NoInstance as exc:
            raise StorageAway() from exc
        except DeadlineExceeded as exc:
            raise OutcomeUnknown("an event was sent and not confirmed; restore again") from exc
        error = orjson.loads(reply.data).get("error")
        raise_unless(error, _WRONG_LAST)
        return error is None
