"""A worker's share of a repository: contents in, figures and issues out. Runs in workers only.

Contents are read from git by object id, or below an open folder. What an engine must read from disk is written under
a name of ours, into the job's scratch directory.
"""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from members.code_analyzer import git, local
from members.code_analyzer.metrics import safe_name, text_of
from members.code_analyzer.thresholds import Thresholds
from members.sandbox.refusals import Failed
from members.sandbox.worker import Report

TELL_EVERY = 20
"""Files between two words of progress."""

COLLECT_EVERY = 100_000
"""Objects made between two looks for cycles. Syntax trees are many objects and hold none: with Python's own 700 a
third of their time would go into looking."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a share; `number` counts through the whole repository, `hidden` is only searched for secrets."""

    number: int
    path: str
    oid: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Share:
    """One job: which contents of which repository, and where to put what must be on disk."""

    repository: Path
    local: str | None
    """The path below `repository`, where that is an allowed root of this machine and not a clone."""
    folder: Path
    files: Sequence[File]
    thresholds: Thresholds
    max_issues: int
    max_file_bytes: int
    min_clone_tokens: int


Examine = Callable[[File, str], None]
"""Takes in one file that is text."""


def share_of(arguments: Mapping[str, Any]) -> Share:
    """A job's arguments, its folder made."""
    share = Share(
        repository=Path(arguments["repository"]),
        local=arguments["local"],
        folder=Path(arguments["folder"]),
        files=[File(*each) for each in arguments["files"]],
        thresholds=Thresholds(**arguments["thresholds"]),
        max_issues=arguments["max_issues"],
        max_file_bytes=arguments["max_file_bytes"],
        min_clone_tokens=arguments["min_clone_tokens"],
    )
    share.folder.mkdir()
    return share


def go_through(share: Share, examine: Examine, skip: Callable[[str], None], report: Report) -> None:
    """Every file of the share once. One strange file must not sink a repository: where an engine stumbles, the file
    is skipped as unreadable. Reports how many files are done."""
    with contents(share) as read, seldom_collecting():
        for done, (file, content) in enumerate(zip(share.files, read, strict=False)):
            text = text_of(content)
            if text is None:
                skip("binary")
            else:
                try:
                    examine(file, text)
                except MemoryError:
                    raise
                except Exception:  # noqa: BLE001 - the supervisor of files: engines may raise anything on hostile input
                    skip("unreadable")
            if done % TELL_EVERY == 0:
                report(done)
    report(len(share.files))


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """The block with fewer looks for cycles."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def contents(share: Share) -> Iterator[Iterator[bytes]]:
    """The share's contents, in its order."""
    if share.local is not None:
        paths = [file.path for file in share.files]
        yield local.contents(share.repository, PurePosixPath(share.local), paths, share.max_file_bytes)
        return
    asked = share.folder / "wanted"
    asked.write_text("".join(f"{file.oid}\n" for file in share.files))
    command = git.blobs_command(share.repository)
    with (
        asked.open("rb") as wanted,
        subprocess.Popen(
            command, stdin=wanted, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=git.environment()
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield blobs(process.stdout)
        finally:
            process.kill()


def blobs(stream: IO[bytes]) -> Iterator[bytes]:
    """`oid blob size\\n`, the bytes, `\\n`: again and again. Raises Failed on anything else."""
    while head := stream.readline().split():
        if len(head) != 3 or head[1] != b"blob":
            raise Failed("the server sent no sound repository", reason="broken_repository")
        content = stream.read(int(head[2]))
        stream.read(1)
        yield content


def keep_for_ruff(file: File, text: str, folder: Path) -> None:
    """Write a Python file as `python/<its number>/<a name of ours>`."""
    place = folder / "python" / str(file.number)
    place.mkdir(parents=True)
    (place / safe_name(file.path)).write_text(text, encoding="utf-8", errors="replace")


def kept_for_ruff(share: Share) -> tuple[Path | None, Mapping[str, str]]:
    """The folder of those files, if there are any, and their own paths by number."""
    folder = share.folder / "python"
    return folder if folder.exists() else None, {str(file.number): file.path for file in share.files}


def path_of(diagnostic: Mapping[str, Any], paths: Mapping[str, str]) -> str:
    """Which file of the repository ruff speaks of."""
    return paths[Path(diagnostic["filename"]).parent.name]
