"""Which files are both complex and often changed: the churn of some commits times the complexity of today."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import TypedDict

from members.code_analyzer import git
from members.code_analyzer.clone import within_time
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.child import child
from members.sandbox.limits import Limits
from members.sandbox.refusals import Failed

COMMIT = b"\x01"
MAX_CHANGES = 500_000
MAX_LINE = 65536


class Hotspot(TypedDict):
    """A file that is worth the first look. `score` is commits × complexity, the sum over the file's functions."""

    file: str
    commits: int
    complexity: int
    score: int


@dataclass(slots=True)
class Churn:
    """How many commits touched each file, of how many that were read."""

    commits: int = 0
    files: Counter[str] = field(default_factory=Counter)


async def churn(repository: Path, settings: CodeAnalyzerSettings) -> Churn:
    """What the commits of a repository touched. Where history was cut off, the oldest commit seems to have made every
    file; it counts as none. Raises Failed."""
    limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=0, cpu_s=int(settings.clone_timeout_s) + 1)
    counted, root = Churn(), False
    changes = 0
    async with within_time(settings), child(git.log_command(repository), limits=limits, env=git.environment()) as log:
        assert log.stdout is not None
        async for line in lines(log.stdout):
            if line.startswith(COMMIT):
                root = line == COMMIT
                counted.commits += 1
            elif line and not root:
                changes += 1
                counted.files[line.decode("utf-8", "replace")] += 1
            if changes > MAX_CHANGES:
                return counted
        if await log.wait():
            raise Failed("the server sent no sound history", reason="broken_repository")
    return counted


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """What stands between line ends."""
    rest = b""
    while chunk := await stream.read(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        rest = rest[:MAX_LINE]


def hotspots(counted: Churn, complexity: Mapping[str, int], limit: int) -> list[Hotspot]:
    """The worst files, worst first. A file without functions or without changes is none."""
    found: list[Hotspot] = [
        {"file": file, "commits": commits, "complexity": complexity[file], "score": commits * complexity[file]}
        for file, commits in counted.files.items()
        if complexity.get(file, 0) > 0
    ]
    return sorted(found, key=lambda spot: (-spot["score"], spot["file"]))[:limit]
