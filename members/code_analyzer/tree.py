"""What a commit holds, by name and size, before anything is unpacked; and which of it is worth measuring."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from members.code_analyzer import git
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.child import child
from members.sandbox.limits import Limits
from members.sandbox.refusals import Failed, TooLarge

MAX_ENTRY_BYTES = 8192
"""Longer than any path that a file system would take."""

REGULAR = {"100644", "100755", "100664"}
OTHERS = {"120000": "symlink", "160000": "submodule"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the tree. `path` is for people: bytes that are no UTF-8 are replaced."""

    path: str
    mode: str
    oid: str
    size: int

    @property
    def hidden(self) -> bool:
        """In a place where tools keep their own things; measured by nobody, but searched for secrets."""
        parts = PurePosixPath(self.path).parts
        return any(part.startswith(".") or part in ("__pycache__", "_svn") for part in parts) or self.path[-1] == "~"


@dataclass(frozen=True, slots=True)
class Selection:
    """`files` counts regular files; `work` is what workers read; `skipped` says why the rest is not."""

    files: int
    work: tuple[Entry, ...]
    skipped: Counter[str]


async def list_tree(repository: Path, settings: CodeAnalyzerSettings) -> list[Entry]:
    """All entries, in git's order. Raises TooLarge as soon as there are more than `max_files`, however many more
    there are, and Failed when there is no commit: git takes any web page for an empty repository."""
    limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=0, cpu_s=60)
    entries: list[Entry] = []
    async with child(git.list_command(repository), limits=limits, env=git.environment()) as process:
        async for record in records(process):
            entries.append(entry(record))
            if len(entries) > settings.max_files:
                raise TooLarge(f"the repository has more than {settings.max_files} files", max_files=settings.max_files)
        assert process.stderr is not None
        said = await process.stderr.read()
        if await process.wait():
            raise no_tree(said)
    return entries


def no_tree(said: bytes) -> Failed:
    """Why there is nothing to list."""
    if b"Not a valid object name" in said:
        return Failed("there is no commit at this URL: an empty repository, or no git repository", reason="empty")
    return Failed("the server sent no sound repository", reason="broken_repository")


async def records(process: Process) -> AsyncIterator[bytes]:
    """What stands between NUL bytes of the output."""
    assert process.stdout is not None
    rest = b""
    while chunk := await process.stdout.read(65536):
        *whole, rest = (rest + chunk).split(b"\0")
        for record in whole:
            yield record
        if len(rest) > MAX_ENTRY_BYTES:
            raise Failed("the repository holds a path that is too long", reason="broken_repository")


def entry(record: bytes) -> Entry:
    """One record of `ls-tree -l`: `mode type oid size\\tpath`."""
    head, _, path = record.partition(b"\t")
    mode, _, oid, size = head.decode("ascii").split()
    return Entry(path.decode("utf-8", "replace"), mode, oid, 0 if size == "-" else int(size))


def select(entries: Iterable[Entry], settings: CodeAnalyzerSettings) -> Selection:
    """Each content once, under its first path, as pygount and lizard count it. Raises TooLarge when there is more to
    measure than `max_source_bytes`."""
    work: list[Entry] = []
    seen: set[str] = set()
    skipped: Counter[str] = Counter()
    files = 0
    for each in sorted(entries, key=lambda e: e.path):
        files += each.mode in REGULAR
        if why := reason_to_skip(each, seen, settings.max_file_bytes):
            skipped[why] += 1
        else:
            seen.add(each.oid)
            work.append(each)
    if sum(each.size for each in work) > settings.max_source_bytes:
        limit = settings.max_source_bytes
        raise TooLarge(f"the repository has more than {limit} bytes of files to measure", max_source_bytes=limit)
    return Selection(files, tuple(work), skipped)


def reason_to_skip(each: Entry, seen: set[str], max_file_bytes: int) -> str:
    """Empty for a file that is worth reading."""
    if each.mode not in REGULAR:
        return OTHERS.get(each.mode, "special")
    if each.size == 0:
        return "empty"
    if each.size > max_file_bytes:
        return "too_large"
    return "duplicate" if each.oid in seen else ""


def shards(work: Sequence[Entry], count: int) -> list[list[Entry]]:
    """The work in at most `count` parts of nearly the same number of bytes; the same work gives the same parts."""
    parts: list[list[Entry]] = [[] for _ in range(count)]
    loads = [0] * count
    for each in sorted(work, key=lambda e: (-e.size, e.path)):
        lightest = loads.index(min(loads))
        parts[lightest].append(each)
        loads[lightest] += each.size
    return [sorted(part, key=lambda e: e.path) for part in parts if part]


async def selection(repository: Path, settings: CodeAnalyzerSettings) -> Selection:
    """List and choose, within the time of a clone."""
    try:
        async with asyncio.timeout(settings.clone_timeout_s):
            return select(await list_tree(repository, settings), settings)
    except TimeoutError:
        raise Failed(f"the tree was not listed within {settings.clone_timeout_s:g} s", reason="time_limit") from None
