"""When the load itself stood still: the machine gave it no time, and nobody else is to blame for what it waited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

BEAT_S = 0.05
LATE_S = 0.1
"""How much later than asked for a beat counts as a standstill."""


@asynccontextmanager
async def noting_standstills(note: Callable[[float, float], None]) -> AsyncIterator[None]:
    """Tell `note` of each standstill of this process's loop, when it began and ended (`time.monotonic`), for the length
    of the block."""
    noting = asyncio.create_task(_noting(note))
    try:
        yield
    finally:
        noting.cancel()


async def _noting(note: Callable[[float, float], None]) -> None:
    while True:
        due = time.monotonic() + BEAT_S
        await asyncio.sleep(BEAT_S)
        woke = time.monotonic()
        if woke - due > LATE_S:
            note(due, woke)
