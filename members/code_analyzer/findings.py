"""The shapes that leave this package, and the one order in which findings are listed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

Severity = Literal["high", "medium", "low"]
Confidence = Literal["high", "medium", "low"]

Finding = TypeVar("Finding")

RANK: dict[str, int] = {"high": 0, "medium": 1, "low": 2}


class Issue(TypedDict):
    """Something found in a file of a repository. Lines count from 1."""

    type: str
    severity: Severity
    file: str
    line: int
    message: str


class Vulnerability(TypedDict):
    """A weakness found in a snippet. `cwe` is the number in the Common Weakness Enumeration."""

    type: str
    severity: Severity
    line: int
    message: str
    recommendation: str
    cwe: int
    confidence: Confidence


class FileVulnerability(Vulnerability):
    """A weakness found in a file of a repository."""

    file: str


class Suggestion(TypedDict):
    """A way to make a snippet better. `before` and `after` are the whole lines a fix would touch."""

    rule: str
    severity: Severity
    line: int
    message: str
    before: NotRequired[str]
    after: NotRequired[str]
    applied: NotRequired[bool]
    url: NotRequired[str]


def ordered_issues(issues: Iterable[Issue]) -> list[Issue]:
    """Worst first, then by file and line; equal input in any order gives equal output."""
    return sorted(issues, key=lambda i: (RANK[i["severity"]], i["file"], i["line"], i["type"], i["message"]))


def ordered_vulnerabilities(found: Iterable[Vulnerability]) -> list[Vulnerability]:
    """Worst first, then by line."""
    return sorted(found, key=lambda v: (RANK[v["severity"]], v["line"], v["type"]))


def ordered_in_files(found: Iterable[FileVulnerability]) -> list[FileVulnerability]:
    """Worst first, then by file and line."""
    return sorted(found, key=lambda v: (RANK[v["severity"]], v["file"], v["line"], v["type"]))


def named_once(found: Iterable[Vulnerability]) -> list[Vulnerability]:
    """One vulnerability per line and type: the most severe, then the most certain, then the first engine's."""
    best: dict[tuple[int, str], Vulnerability] = {}
    for each in found:
        key = (each["line"], each["type"])
        if key not in best or weight(each) < weight(best[key]):
            best[key] = each
    return ordered_vulnerabilities(best.values())


def weight(vulnerability: Vulnerability) -> tuple[int, int]:
    """Smaller is worse."""
    return RANK[vulnerability["severity"]], RANK[vulnerability["confidence"]]


def bounded(findings: Sequence[Finding], limit: int) -> tuple[list[Finding], dict[str, int]]:
    """The first `limit`, and what to say about the rest: nothing when there is none."""
    left = len(findings) - limit
    return list(findings[:limit]), {"omitted": left} if left > 0 else {}
