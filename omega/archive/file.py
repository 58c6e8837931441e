"""The backup as a file: gzip over lines, the header first, whole or not there at all.

The header tells counts and checksum of what follows it, so it is written last, into a room kept free at the front: a
gzip member of fixed length. A plain `zcat` reads both members as one text.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from omega.archive.lines import (
    AnyLine,
    BadBackup,
    EventLine,
    Header,
    OwnerLine,
    Part,
    RecordLine,
    read_header,
    read_line,
)
from omega.trouble import Trouble

MAX_LINE = 4 << 20
"""Bytes of one line; a message of the bus is at most 1 MiB."""
_HEADER_ROOM = 4_096
_LEVEL = 3


class BackupFile:
    """A backup being written beside its place; `finish` puts it there, anything else leaves no trace."""

    def __init__(self, path: Path, *, replace: bool) -> None:
        self._path = path
        self._replace = replace
        self._part = path.with_name(f".{path.name}.part")
        self._hash = hashlib.sha256()
        self.bytes = 0

    def __enter__(self) -> BackupFile:
        """Raises Trouble: the place is taken, or not writable."""
        if self._path.exists() and not self._replace:
            raise Trouble(f"{self._path} is there already; --replace writes over it")
        try:
            self._file = os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
        except OSError as exc:
            raise Trouble(f"{self._part}: {exc.strerror}") from exc
        self._own()
        self._file.seek(len(_front(b"")))
        self._body = gzip.GzipFile("", "wb", _LEVEL, self._file, mtime=0)
        return self

    def add(self, lines: bytes) -> None:
        """Append whole lines."""
        self._body.write(lines)
        self._hash.update(lines)
        self.bytes += len(lines)

    @property
    def sha256(self) -> str:
        """Of the lines so far."""
        return self._hash.hexdigest()

    def finish(self, header: Header) -> None:
        """Put the file in its place, on the disk for good. Raises Trouble."""
        self._body.close()
        self._file.seek(0)
        self._file.write(_front(header.model_dump_json().encode()))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._move()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with suppress(FileNotFoundError):
            self._part.unlink()
        with suppress(OSError):
            self._body.close()
            self._file.close()
        if isinstance(error, OSError):
            raise Trouble(f"{self._path}: {error.strerror}") from error

    def _own(self) -> None:
        """Be the one who writes here; what a killed backup left behind is overwritten."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._file.fileno()), self._part.stat()):
                raise BlockingIOError  # what we hold was put in its place meanwhile
        except OSError as exc:
            self._file.close()
            raise Trouble(f"{self._path}: another backup is being written there") from exc
        self._file.truncate(0)
        os.fchmod(self._file.fileno(), 0o600)

    def _move(self) -> None:
        if self._replace:
            self._part.replace(self._path)
        else:
            try:
                self._path.hardlink_to(self._part)  # unlike a rename, it refuses a place taken meanwhile
            except FileExistsError as exc:
                raise Trouble(f"{self._path} is there already; --replace writes over it") from exc
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup that is whole."""

    header: Header
    last: dict[str, int]
    """The revision of the last line of each record's key: only that one counts."""
    owners: dict[str, OwnerLine]
    """The last line of each id. Every directory has as much in memory."""


def verify(file: IO[bytes]) -> Verified:
    """Read the whole of `file` and believe it. Raises BadBackup: foreign, of another version, damaged, cut short."""
    lines = _lines(file)
    header = read_header(next(lines, b""))
    found, hashed, size = Verified(header, {}, {}), hashlib.sha256(), 0
    counted: Counter[type[AnyLine]] = Counter()
    for line in lines:
        hashed.update(line)
        size += len(line)
        read = read_line(line)
        counted[type(read)] += 1
        if isinstance(read, RecordLine):
            found.last[read.record] = read.revision
        elif isinstance(read, OwnerLine):
            found.owners[read.owned] = read
    _compare(header, size, hashed.hexdigest(), counted)
    return found


def body(file: IO[bytes]) -> Iterator[bytes]:
    """The lines behind the header. Raises BadBackup."""
    lines = _lines(file)
    next(lines, b"")
    return lines


def _compare(header: Header, size: int, sha256: str, lines: Counter[type[AnyLine]]) -> None:
    parts: dict[type[AnyLine], Part | None] = {
        RecordLine: header.registry,
        OwnerLine: header.owners,
        EventLine: header.events,
    }
    told = {kind: part.lines if part else 0 for kind, part in parts.items()}
    if (size, sha256) != (header.bytes, header.sha256) or any(lines[kind] != told[kind] for kind in told):
        raise BadBackup("the backup is damaged: its lines are not those that its header tells of")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    try:
        with gzip.open(file, "rb") as text:
            while line := text.readline(MAX_LINE):
                if not line.endswith(b"\n"):
                    raise BadBackup("the backup is damaged: a line has no end")
                yield line
    except gzip.BadGzipFile as exc:
        raise BadBackup(f"this is no backup of omega, or a damaged one: {exc}") from exc
    except (EOFError, zlib.error) as exc:
        raise BadBackup(f"the backup is damaged or cut short: {exc}") from exc


def _front(header: bytes) -> bytes:
    """The gzip member of the header line, of the same length whatever it tells."""
    if len(header) >= _HEADER_ROOM:
        raise ValueError(f"a header of {len(header)} bytes, the room is {_HEADER_ROOM}")
    return gzip.compress(header.ljust(_HEADER_ROOM - 1) + b"\n", compresslevel=0, mtime=0)
