"""Events that were told some time ago, as the stream that captures them holds them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson

from bus.connection import Bus
from bus.errors import StorageMissing
from bus.reading import Stored, StreamReader


async def events_since(bus: Bus, moment: float) -> AsyncIterator[dict[str, Any]]:
    """Every event that was stored at or after `moment` (Unix seconds), in order, up to now; none where none is kept.

    Raises StorageAway, also where this connection may not read the stream.
    """
    reader = StreamReader(bus, bus.settings.events_stream)
    try:
        state = await reader.state()
    except StorageMissing:
        return
    first = await _first_since(reader, moment, state.last)
    if first is None:
        return
    async for batch in reader.batches(first, state.last):
        for stored in batch:
            event = _read(stored)
            if event is not None and stored.sequence <= state.last:
                yield event


async def _first_since(reader: StreamReader, moment: float, last: int) -> int | None:
    """The first sequence at or after `moment`: halved towards, for a stream knows its messages by number alone."""
    oldest = await reader.next_from(1)
    if oldest is None or not last:
        return None
    low, high = oldest.sequence, last + 1
    while low < high:
        middle = (low + high) // 2
        found = await reader.next_from(middle)
        if found is None or stamp(found.at) >= moment:
            high = middle
        else:
            low = found.sequence + 1
    return low if low <= last else None


def stamp(at: str) -> float:
    """Unix seconds of RFC 3339, which NATS writes with nanoseconds; 0 for what is none."""
    whole, _, _ = at.rstrip("Z").partition(".")
    try:
        return datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _read(stored: Stored) -> dict[str, Any] | None:
    try:
        event = orjson.loads(stored.data)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None
