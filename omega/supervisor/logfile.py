"""The output of one process on disk, in files of bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 10 * 1024 * 1024
KEPT = 3


class LogFile:
    """Appends to `path`; when it grows over `max_bytes` it becomes `path.1`, that one `path.2`, up to `kept`.

    A file is only turned at the end of a line. Not for several writers.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        """Append, turning the file first when it is full. Raises OSError."""
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        self._file.write(data)
        if self._file.tell() > self._max_bytes and data.endswith(b"\n"):
            self._turn()

    def close(self) -> None:
        """Let go of the file; a later write opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _turn(self) -> None:
        self.close()
        for number in range(self._kept - 1, 0, -1):
            older = self._part(number)
            if older.exists():
                older.replace(self._part(number + 1))
        self._path.replace(self._part(1))

    def _part(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
