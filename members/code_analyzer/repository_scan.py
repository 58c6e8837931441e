"""What scan_repo answers: the weaknesses of all shares, the worst first (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NotRequired

from typing_extensions import TypedDict

from members.code_analyzer.findings import FileVulnerability, ordered_in_files


class RepositoryScan(TypedDict):
    """`omitted` is there when there are more than one reply holds, `commit` for repositories read by URL."""

    vulnerabilities: list[FileVulnerability]
    total_files: int
    files_not_scanned: dict[str, int]
    cached: bool
    commit: NotRequired[str]
    omitted: NotRequired[int]


def combined(shares: Iterable[Mapping[str, Any]], skipped: Counter[str], *, files: int, limit: int) -> RepositoryScan:
    """The reply. `files` counts what is in the tree; `skipped` is what was not even read."""
    found: list[FileVulnerability] = []
    total, left = 0, Counter(skipped)
    for share in shares:
        found += share["found"]
        total += share["total"]
        left.update(share["skipped"])
    kept = ordered_in_files(found)[:limit]
    reply: RepositoryScan = {
        "vulnerabilities": kept,
        "total_files": files,
        "files_not_scanned": dict(sorted(left.items())),
        "cached": False,
    }
    if total > len(kept):
        reply["omitted"] = total - len(kept)
    return reply
