"""A temporary directory that is always removed, by the process that made it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def scratch(parent: Path | None = None) -> AsyncIterator[Path]:
    """A directory that only this user can read, below `parent` or where the system puts such things."""
    folder = Path(tempfile.mkdtemp(prefix="omega-", dir=parent))  # at once: a wait here could be cancelled
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
