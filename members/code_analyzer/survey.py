"""A worker's share of a repository: blobs in, figures and issues out. Runs in workers only.

Contents are read from git by object id. What an engine must read from disk is written under a name of ours, into
the job's scratch directory.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from members.code_analyzer import git, python_lint
from members.code_analyzer.findings import Issue, ordered_issues
from members.code_analyzer.metrics import functions_of, lines_of, safe_name, text_of
from members.code_analyzer.report import Tally
from members.code_analyzer.secrets_scan import secrets_in
from members.code_analyzer.thresholds import Function, Thresholds, excesses, printable
from members.sandbox.refusals import Failed
from members.sandbox.worker import Report

TELL_EVERY = 20
"""Files between two words of progress."""

REHEARSED = {"test", "tests", "testing", "spec", "specs", "doc", "docs", "example", "examples", "fixtures", "testdata"}
"""Folders whose secrets are mostly made up."""


@dataclass(frozen=True, slots=True)
class Share:
    """One job: which blobs of which repository, and where to put what must be on disk."""

    repository: Path
    folder: Path
    files: Sequence[tuple[str, str, bool]]
    """Path, object id, and whether it is only searched for secrets."""
    thresholds: Thresholds
    max_issues: int


def survey(arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The job: a share in, a `Tally` as data out. Reports how many files are done."""
    share = Share(
        repository=Path(arguments["repository"]),
        folder=Path(arguments["folder"]),
        files=arguments["files"],
        thresholds=Thresholds(**arguments["thresholds"]),
        max_issues=arguments["max_issues"],
    )
    share.folder.mkdir()
    tally = Tally()
    with contents(share) as blobs:
        for number, content in enumerate(blobs):
            examine_safely(number, content, tally, share)
            if number % TELL_EVERY == 0:
                report(number)
    tally.issues += python_faults(share)
    tally.issues_found = len(tally.issues)
    tally.issues = ordered_issues(tally.issues)[: share.max_issues]
    report(len(share.files))
    return tally.as_data()


@contextmanager
def contents(share: Share) -> Iterator[Iterator[bytes]]:
    """The share's blobs, in its order."""
    asked = share.folder / "wanted"
    asked.write_text("".join(f"{oid}\n" for _, oid, _ in share.files))
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


def examine_safely(number: int, content: bytes, tally: Tally, share: Share) -> None:
    """One strange file must not sink a repository: where an engine stumbles, the file is counted as unreadable."""
    try:
        examine(number, content, tally, share)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the supervisor of files: engines may raise anything on hostile input
        tally.skipped["unreadable"] += 1


def examine(number: int, content: bytes, tally: Tally, share: Share) -> None:
    """Take one file of the share into the tally."""
    path, _, hidden = share.files[number]
    text = text_of(content)
    if text is None:
        tally.skipped["binary"] += 1
        return
    tally.issues += secret_issues(path, text, share.folder)
    if hidden:
        tally.skipped["hidden"] += 1
    elif measure(path, text, tally, share.thresholds) and path.endswith((".py", ".pyi")):
        keep_for_ruff(number, path, text, share.folder)


def measure(path: str, text: str, tally: Tally, thresholds: Thresholds) -> bool:
    """Lines and functions of one file; False when it has none that count."""
    lines = lines_of(path, text)
    if lines.skipped:
        tally.skipped[lines.skipped] += 1
        return False
    functions = functions_of(path, text)
    tally.code[lines.language] += lines.code
    tally.lines += lines.total
    weigh(functions, tally)
    tally.issues += function_issues(path, functions, thresholds)
    return True


def weigh(functions: Sequence[Function], tally: Tally) -> None:
    tally.functions += len(functions)
    tally.function_lines += sum(each.code_lines for each in functions)
    tally.weighted += sum(each.code_lines * each.complexity for each in functions)


def function_issues(path: str, functions: Sequence[Function], thresholds: Thresholds) -> list[Issue]:
    return [
        {"type": "code_smell", "severity": e.severity, "file": path, "line": e.line, "message": e.message}
        for function in functions
        for e in excesses(function, thresholds)
    ]


def secret_issues(path: str, text: str, folder: Path) -> list[Issue]:
    """Where secrets stand; of what kind, never what."""
    rehearsed = REHEARSED & {part.lower() for part in PurePosixPath(path).parts}
    return [
        {
            "type": "hardcoded_secret",
            "severity": "low" if rehearsed else "high",
            "file": path,
            "line": secret.line,
            "message": f"A secret is written into the file ({secret.kind})",
        }
        for secret in secrets_in(text, Path(safe_name(path)).suffix, folder, entropy=False)
    ]


def keep_for_ruff(number: int, path: str, text: str, folder: Path) -> None:
    """Write a Python file as `python/<its number in the share>/<a name of ours>`."""
    place = folder / "python" / str(number)
    place.mkdir(parents=True)
    (place / safe_name(path)).write_text(text, encoding="utf-8", errors="replace")


def python_faults(share: Share) -> list[Issue]:
    """What ruff says about the files that were kept for it; of syntax errors the first in each file."""
    folder = share.folder / "python"
    if not folder.exists():
        return []
    issues: list[Issue] = []
    broken: set[str] = set()
    for each in python_lint.faults_in(folder):
        path = share.files[int(Path(each["filename"]).parent.name)][0]
        rule = each["code"] or "invalid-syntax"
        if rule != "invalid-syntax" or path not in broken:
            issues.append(python_issue(rule, path, each))
        if rule == "invalid-syntax":
            broken.add(path)
    return issues


def python_issue(rule: str, path: str, each: python_lint.Diagnostic) -> Issue:
    kind, severity, words = python_lint.FAULTS[rule]
    message = f"{words or printable(each['message'], 200)} ({rule})"
    return {"type": kind, "severity": severity, "file": path, "line": each["location"]["row"], "message": message}
