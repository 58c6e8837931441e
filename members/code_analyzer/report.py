"""Figures of shards added up: percentages, the complexity score, the worst issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict

from members.code_analyzer.findings import Issue, ordered_issues

DATA_LANGUAGES = frozenset(
    {
        "asn.1", "csv", "desktop file", "diff", "ini", "json", "json5", "jsonld", "jsonlines", "kconfig", "markdown",
        "microsoft help", "ndjson", "plain text", "properties", "restructuredtext", "rtf", "svg", "tap", "tex",
        "text", "text only", "text output", "toml", "turtle", "xml", "yaml",
    }
)  # fmt: skip
"""Data and prose, as pygments names them: thousands of lines of a lock file say nothing about what a project is
written in. They count as lines, and as languages only where there is nothing else."""

HALF_WAY = 10
"""The complexity at which a repository scores 5.0: the usual threshold of one function."""


class Analysis(TypedDict):
    """What is told about a repository. The last four keys explain the first five."""

    languages: dict[str, int]
    total_files: int
    total_lines: int
    complexity_score: float
    issues: list[Issue]
    issues_omitted: int
    lines_of_code: dict[str, int]
    functions: int
    files_not_measured: dict[str, int]


@dataclass(slots=True)
class Tally:
    """What one worker found, or several together. `weighted` is the sum over functions of lines × complexity."""

    code: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    functions: int = 0
    function_lines: int = 0
    weighted: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    issues: list[Issue] = field(default_factory=list)
    issues_found: int = 0

    def add(self, other: Tally) -> None:
        """Take another's figures in."""
        self.code += other.code
        self.lines += other.lines
        self.functions += other.functions
        self.function_lines += other.function_lines
        self.weighted += other.weighted
        self.skipped += other.skipped
        self.issues += other.issues
        self.issues_found += other.issues_found

    def as_data(self) -> dict[str, Any]:
        """As it travels from a worker."""
        whole = {name: getattr(self, name) for name in self.__slots__}
        return whole | {"code": dict(self.code), "skipped": dict(self.skipped)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Tally:
        """The tally that `as_data` wrote."""
        return cls(**{**data, "code": Counter(data["code"]), "skipped": Counter(data["skipped"])})


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum, whatever the order."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole


def report(whole: Tally, *, files: int, max_issues: int) -> Analysis:
    """The reply. `files` counts what is in the tree, measured or not."""
    kept = ordered_issues(whole.issues)[:max_issues]
    return {
        "languages": percentages(source_only(whole.code)),
        "total_files": files,
        "total_lines": whole.lines,
        "complexity_score": complexity_score(whole.weighted, whole.function_lines),
        "issues": kept,
        "issues_omitted": whole.issues_found - len(kept),
        "lines_of_code": dict(sorted(whole.code.items(), key=lambda item: (-item[1], item[0]))),
        "functions": whole.functions,
        "files_not_measured": dict(sorted(whole.skipped.items())),
    }


def source_only(code: Mapping[str, int]) -> dict[str, int]:
    """Without data and prose, unless there is nothing else."""
    source = {name: lines for name, lines in code.items() if name not in DATA_LANGUAGES and lines > 0}
    return source or {name: lines for name, lines in code.items() if lines > 0}


def percentages(counts: Mapping[str, int]) -> dict[str, int]:
    """Whole per cent that sum to 100, by the largest remainder; largest first, what rounds to nothing left out."""
    whole = sum(counts.values())
    if whole == 0:
        return {}
    shares = {name: divmod(100 * count, whole) for name, count in counts.items()}
    missing = 100 - sum(share for share, _ in shares.values())
    lucky = sorted(shares, key=lambda name: (-shares[name][1], -counts[name], name))[:missing]
    rounded = {name: share + (name in lucky) for name, (share, _) in shares.items()}
    return {name: rounded[name] for name in sorted(rounded, key=lambda n: (-rounded[n], n)) if rounded[name]}


def complexity_score(weighted: int, function_lines: int) -> float:
    """0 to 10, one decimal: `10·(w-1)/(w-1+9)`, where w is the mean cyclomatic complexity of functions, each weighted
    by its lines of code.

    w answers "how complex is the function in which a line of this code usually lives", which many trivial functions
    cannot hide. 0 is straight-line code (or no functions at all), 5 a code base whose usual line lives at the
    threshold of 10, and 10 is approached and never reached."""
    if function_lines == 0:
        return 0.0
    excess = max(weighted / function_lines - 1, 0)
    return round(10 * excess / (excess + HALF_WAY - 1), 1)
