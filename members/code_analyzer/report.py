"""Figures of shards added up: percentages, the complexity score, the worst functions and issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any, NotRequired

from typing_extensions import TypedDict

from members.code_analyzer.findings import Issue, ordered_issues
from members.code_analyzer.history import Hotspot

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


WORST = 20
"""Functions and hotspots in one reply."""


class WorstFunction(TypedDict):
    """A function among the most complex ones. `length` counts lines of code, without comments and blanks."""

    name: str
    file: str
    line: int
    complexity: int
    length: int
    parameters: int


class Duplication(TypedDict):
    """Code that stands more than once: blocks and lines beyond the first, and those in per cent of all code lines."""

    blocks: int
    lines: int
    per_cent: float


class Analysis(TypedDict):
    """What is told about a repository; the first five keys are the gist.

    Lines are of one kind each: code, comment, string (nothing but text) or blank, and sum to `total_lines`.
    `commit` is there for repositories read by URL, `hotspots` and `commits_read` where history was asked for."""

    languages: dict[str, int]
    total_files: int
    total_lines: int
    complexity_score: float
    issues: list[Issue]
    issues_omitted: int
    issues_by_type: dict[str, int]
    lines_of_code: dict[str, int]
    code_lines: int
    comment_lines: int
    string_lines: int
    blank_lines: int
    functions: int
    worst_functions: list[WorstFunction]
    duplication: Duplication
    files_not_measured: dict[str, int]
    cached: bool
    commit: NotRequired[str]
    hotspots: NotRequired[list[Hotspot]]
    commits_read: NotRequired[int]


@dataclass(slots=True)
class Tally:
    """What one worker found, or several together. `weighted` is the sum over functions of lines × complexity;
    `issues` are the worst of those that `kinds` counts."""

    code: Counter[str] = field(default_factory=Counter)
    comment: int = 0
    string: int = 0
    blank: int = 0
    functions: int = 0
    function_lines: int = 0
    weighted: int = 0
    complexity: Counter[str] = field(default_factory=Counter)
    """By file."""
    worst: list[WorstFunction] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    issues: list[Issue] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    licensed: bool = False

    def add(self, other: Tally) -> None:
        """Take another's figures in."""
        for name in ("comment", "string", "blank", "functions", "function_lines", "weighted"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("code", "complexity", "skipped", "kinds"):
            getattr(self, name).update(getattr(other, name))
        self.issues += other.issues
        self.worst = worst_of([*self.worst, *other.worst])
        self.licensed |= other.licensed

    def tell(self, issues: Iterable[Issue]) -> None:
        """Take further issues in."""
        told = list(issues)
        self.issues += told
        self.kinds.update(issue["type"] for issue in told)

    def as_data(self) -> dict[str, Any]:
        """As it travels from a worker."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Tally:
        """The tally that `as_data` wrote."""
        counters = {name: Counter(data[name]) for name in ("code", "complexity", "skipped", "kinds")}
        return cls(**{**data, **counters})


def worst_of(functions: Iterable[WorstFunction]) -> list[WorstFunction]:
    """The most complex, then the longest; equal input in any order gives equal output."""
    return nsmallest(WORST, functions, key=lambda f: (-f["complexity"], -f["length"], f["file"], f["line"], f["name"]))


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum, whatever the order."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole


def report(whole: Tally, *, files: int, max_issues: int, repeated: tuple[int, int] = (0, 0)) -> Analysis:
    """The reply. `files` counts what is in the tree, measured or not; `repeated` are blocks and lines that stand more
    than once."""
    kept = ordered_issues(whole.issues)[:max_issues]
    code = sum(whole.code.values())
    blocks, lines = repeated
    return {
        "languages": percentages(source_only(whole.code)),
        "total_files": files,
        "total_lines": code + whole.comment + whole.string + whole.blank,
        "complexity_score": complexity_score(whole.weighted, whole.function_lines),
        "issues": kept,
        "issues_omitted": whole.kinds.total() - len(kept),
        "issues_by_type": most_first(whole.kinds),
        "lines_of_code": most_first(whole.code),
        "code_lines": code,
        "comment_lines": whole.comment,
        "string_lines": whole.string,
        "blank_lines": whole.blank,
        "functions": whole.functions,
        "worst_functions": whole.worst,
        "duplication": {"blocks": blocks, "lines": lines, "per_cent": min(share(lines, code), 100.0)},
        "files_not_measured": dict(sorted(whole.skipped.items())),
        "cached": False,
    }


def share(part: int, whole: int) -> float:
    """In per cent, one decimal."""
    return round(100 * part / whole, 1) if whole else 0.0


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


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
