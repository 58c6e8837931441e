"""When the load itself stood still: the machine gave it no time, and nobody else is to blame for what it waited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.journal import Journal, Standstill

BEAT_S = 0.05
LATE_S = 0.1
"""How much later than asked for a beat counts as a standstill."""


@asynccontextmanager
async def noting_standstills(journal: Journal) -> AsyncIterator[None]:
    """Each standstill of this process's loop is written down, for the length of the block."""
    noting = asyncio.create_task(_note(journal))
    try:
        yield
    finally:
        noting.cancel()


async def _note(journal: Journal) -> None:
    while True:
        due = time.monotonic() + BEAT_S
        await asyncio.sleep(BEAT_S)
        woke = time.monotonic()
        if woke - due > LATE_S:
            journal.add(Standstill(began=due, ended=woke))
