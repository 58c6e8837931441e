"""Reading log files from their end, and following them while they are turned."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from omega.cli.logline import read_line

BLOCK = 64 * 1024


def last_lines(path: Path, count: int) -> list[str]:
    """The last `count` whole lines of a file; none when there is no file."""
    if count <= 0 or not path.exists():
        return []
    with path.open("rb") as file:
        data = _tail(file, count)
    return [line.decode("utf-8", "replace") for line in data.splitlines()[-count:]]


def merged(logs: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, str]]:
    """The lines of several logs in the order they were written; one without a time stays behind its predecessor."""
    stamped: list[tuple[datetime, str, str]] = []
    for process, lines in logs:
        at = datetime.min.replace(tzinfo=UTC)
        for line in lines:
            at = _aware(read_line(process, line).at) or at
            stamped.append((at, process, line))
    stamped.sort(key=lambda entry: entry[0])
    return [(process, line) for _, process, line in stamped]


class Follower:
    """What is appended to one file from now on, also after it was turned or made anew."""

    def __init__(self, process: str, path: Path) -> None:
        self.process = process
        self._path = path
        self._file = self._open(at_end=True)
        self._half = b""

    def new_lines(self) -> Iterator[str]:
        """The whole lines since the last time."""
        yield from self._read()
        if self._turned():
            self.close()
            self._file = self._open(at_end=False)
            yield from self._read()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> Iterator[str]:
        if self._file is None:
            return
        *lines, self._half = (self._half + self._file.read()).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")

    def _turned(self) -> bool:
        if not self._path.exists():
            return False
        return self._file is None or self._path.stat().st_ino != _inode(self._file)

    def _open(self, *, at_end: bool) -> BinaryIO | None:
        if not self._path.exists():
            return None
        file = self._path.open("rb")
        if at_end:
            file.seek(0, 2)
        return file


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


def _tail(file: BinaryIO, count: int) -> bytes:
    """Enough of the file's end to hold `count` lines."""
    position = file.seek(0, 2)
    data = b""
    while position > 0 and data.count(b"\n") <= count:
        step = min(BLOCK, position)
        position -= step
        file.seek(position)
        data = file.read(step) + data
    return data


def _aware(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at is not None else None
