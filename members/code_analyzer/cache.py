"""Answers about commits that have not changed: bounded, in memory or on disk."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

VERSION = "2"
"""Changes whenever the same commit would be answered otherwise."""

ENGINES = ("lizard", "pygount", "ruff", "detect-secrets", "ast-grep-py")


class Cache(Protocol):
    """Keeps results by key, and forgets the least recently used beyond its bound."""

    async def get(self, key: str) -> Any | None:
        """The result, or None."""

    async def put(self, key: str, result: Any) -> None:
        """Keep a result, if it is not larger than the whole cache."""


def key_of(tool: str, url: str, commit: str, options: Mapping[str, Any]) -> str:
    """One name for everything that an answer depends on, the versions of the engines included."""
    engines = {name: version(name) for name in ENGINES}
    whole = json.dumps([VERSION, engines, tool, url, commit, options], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def cache_for(folder: Path | None, max_bytes: int) -> Cache:
    """On disk when there is a folder, else in memory."""
    return InMemory(max_bytes) if folder is None else OnDisk(folder, max_bytes)


class InMemory:
    """Gone with the process."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    async def get(self, key: str) -> Any | None:
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return json.loads(self._held[key])

    async def put(self, key: str, result: Any) -> None:
        content = json.dumps(result).encode()
        self._size += len(content) - len(self._held.pop(key, b""))
        self._held[key] = content
        while self._size > self._max_bytes:
            self._size -= len(self._held.popitem(last=False)[1])


class OnDisk:
    """A file for each result, shared by every process that is given the folder."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    async def get(self, key: str) -> Any | None:
        return await asyncio.to_thread(self._read, self._folder / f"{key}.json")

    async def put(self, key: str, result: Any) -> None:
        content = json.dumps(result).encode()
        if len(content) <= self._max_bytes:
            await asyncio.to_thread(self._write, self._folder / f"{key}.json", content)

    def _read(self, file: Path) -> Any | None:
        try:
            found = json.loads(file.read_bytes())
            os.utime(file)
        except (OSError, ValueError):  # not there, gone meanwhile, or damaged: measured anew
            return None
        return found

    def _write(self, file: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".new")
        with os.fdopen(descriptor, "wb") as written:
            written.write(content)
        Path(name).replace(file)
        self._shrink(self._folder.glob("*.json"))

    def _shrink(self, files: Iterable[Path]) -> None:
        known = []
        for file in files:
            with suppress(FileNotFoundError):
                found = file.stat()
                known.append((found.st_mtime_ns, found.st_size, file))
        size = sum(each[1] for each in known)
        for _, bytes_held, file in sorted(known):
            if size <= self._max_bytes:
                return
            file.unlink(missing_ok=True)
            size -= bytes_held
