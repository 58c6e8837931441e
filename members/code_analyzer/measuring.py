"""The worker's half of analyze_repo: lines, functions and issues of a share. Runs in workers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from members.code_analyzer import python_lint
from members.code_analyzer.clones import Fingerprints
from members.code_analyzer.dead_code import dead_code
from members.code_analyzer.findings import Issue, ordered_issues
from members.code_analyzer.licence import is_manifest, names_licence
from members.code_analyzer.metrics import Lines, functions_of, lines_of, safe_name
from members.code_analyzer.report import Tally, WorstFunction, worst_of
from members.code_analyzer.survey import File, Share, go_through, keep_for_ruff, kept_for_ruff, path_of, share_of
from members.code_analyzer.thresholds import Function, Thresholds, excesses, printable
from members.code_analyzer.weaknesses import as_issue, in_file, in_python, worth_an_issue
from members.sandbox.worker import Report

CLONED_LANGUAGES_EXCEPT = {"json", "yaml", "toml", "css"}


def measure(arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The job: a share in, a `Tally` as data out; fingerprints of its code stay in the folder."""
    share = share_of(arguments)
    measured = Measuring(share)
    go_through(share, measured.examine, lambda why: measured.tally.skipped.update([why]), report)
    measured.fingerprints.write(share.folder)
    tally = measured.tally
    tally.tell(python_faults(share))
    tally.issues = ordered_issues(tally.issues)[: share.max_issues]
    return tally.as_data()


@dataclass(slots=True)
class Measuring:
    """What has been found so far."""

    share: Share
    tally: Tally = field(default_factory=Tally)
    fingerprints: Fingerprints = field(init=False)

    def __post_init__(self) -> None:
        self.fingerprints = Fingerprints(self.share.min_clone_tokens)

    def examine(self, file: File, text: str) -> None:
        """Take one file in."""
        self.tally.licensed |= is_manifest(file.path) and names_licence(text)
        if file.hidden:
            self.tally.skipped["hidden"] += 1
            self._weaknesses(file, text, secrets_only=True)
            return
        lines = lines_of(file.path, text)
        if lines.skipped:
            self.tally.skipped[lines.skipped] += 1
            self._weaknesses(file, text, secrets_only=True)
            return
        self._weaknesses(file, text, secrets_only=False)
        self._lines(file, text, lines)
        self._functions(file.path, functions_of(file.path, text))
        if file.path.endswith((".py", ".pyi")):
            keep_for_ruff(file, text, self.share.folder)

    def _weaknesses(self, file: File, text: str, *, secrets_only: bool) -> None:
        extension = Path(safe_name(file.path)).suffix
        found = in_file(file.path, text, extension, self.share.folder, rules_too=not secrets_only)
        self.tally.tell(as_issue(each) for each in found if worth_an_issue(each))

    def _lines(self, file: File, text: str, lines: Lines) -> None:
        self.tally.code[lines.language] += lines.code
        self.tally.comment += lines.comment
        self.tally.string += lines.string
        self.tally.blank += lines.blank
        if lines.marked:
            self.tally.tell(dead_code(file.path, text, lines))
        if lines.marked and lines.language not in CLONED_LANGUAGES_EXCEPT:
            self.fingerprints.add(file.number, lines.language, lines.marked, lines.first)

    def _functions(self, path: str, functions: Sequence[Function]) -> None:
        tally = self.tally
        tally.functions += len(functions)
        tally.function_lines += sum(each.code_lines for each in functions)
        tally.weighted += sum(each.code_lines * each.complexity for each in functions)
        if functions:
            tally.complexity[path] = sum(each.complexity for each in functions)
        tally.worst = worst_of([*tally.worst, *(as_worst(path, each) for each in functions)])
        tally.tell(function_issues(path, functions, self.share.thresholds))


def as_worst(path: str, function: Function) -> WorstFunction:
    """A function as the reply tells it."""
    return {
        "name": printable(function.name),
        "file": path,
        "line": function.line,
        "complexity": function.complexity,
        "length": function.code_lines,
        "parameters": function.parameters,
    }


def function_issues(path: str, functions: Sequence[Function], thresholds: Thresholds) -> list[Issue]:
    """Functions that are too complex, too long or take too much."""
    return [
        {"type": "code_smell", "severity": e.severity, "file": path, "line": e.line, "message": e.message}
        for function in functions
        for e in excesses(function, thresholds)
    ]


def python_faults(share: Share) -> list[Issue]:
    """What ruff says about the files that were kept for it; of syntax errors the first in each file."""
    folder, paths = kept_for_ruff(share)
    if folder is None:
        return []
    issues: list[Issue] = []
    broken: set[str] = set()
    for each in python_lint.faults_in(folder):
        path, rule = path_of(each, paths), each["code"] or "invalid-syntax"
        if rule != "invalid-syntax" or path not in broken:
            issues.append(python_issue(rule, path, each))
        if rule == "invalid-syntax":
            broken.add(path)
    found = (in_python(path_of(e, paths), e["code"], e["location"]["row"]) for e in python_lint.dangers_in(folder))
    return [*issues, *(as_issue(each) for each in found if worth_an_issue(each))]


def python_issue(rule: str, path: str, each: python_lint.Diagnostic) -> Issue:
    kind, severity, words = python_lint.FAULTS[rule]
    message = f"{words or printable(each['message'], 200)} ({rule})"
    return {"type": kind, "severity": severity, "file": path, "line": each["location"]["row"], "message": message}
