"""Backups in a test: made, brought back, and as an older version made them."""

from __future__ import annotations

import gzip
import hashlib
import time
from pathlib import Path

import orjson

from bus import Bus
from omega.archive import back_up, restore
from omega.archive.lines import Header
from omega.archive.restore import Restored

MADE_AT = "2026-11-22T12:00:00.000Z"


async def saved(bus: Bus, path: Path, *, replace: bool = False) -> Header:
    return await back_up(bus, path, made_at=MADE_AT, version="1.0.0", replace=replace)


async def brought_back(bus: Bus, path: Path, *, dry_run: bool = False) -> Restored:
    with path.open("rb") as file:
        return await restore(bus, file, time.time, dry_run=dry_run)


def as_version_1(data: bytes) -> bytes:
    """The same backup as it was made before owners were in it."""
    first, *lines = gzip.decompress(data).splitlines(keepends=True)
    text = b"".join(line for line in lines if "owned" not in orjson.loads(line))
    told = orjson.loads(first) | {"omega_backup": 1, "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    told.pop("owners")
    return gzip.compress(orjson.dumps(told) + b"\n" + text)
