"""refactor on one snippet: ruff's advice and fixes for Python, structural rules for other languages, thresholds for
all. Runs in workers only."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from members.code_analyzer import python_lint
from members.code_analyzer.findings import RANK, Severity, Suggestion, bounded
from members.code_analyzer.languages import opened
from members.code_analyzer.metrics import functions_of
from members.code_analyzer.restructuring import structural_advice
from members.code_analyzer.scanning import parses, require_python
from members.code_analyzer.thresholds import Thresholds, excesses
from members.sandbox.refusals import Invalid
from members.sandbox.worker import Report

LINE_END = re.compile(r"\r\n|\r|\n")

SEVERITIES: Sequence[tuple[str, Severity]] = (
    ("PLE", "high"), ("B", "medium"), ("F", "medium"), ("E71", "medium"), ("E72", "medium"), ("PLW", "medium"),
)  # fmt: skip
"""By the first prefix that fits; everything else is low."""

MAX_SHOWN = 4000
"""A fix that touches more characters than this is told without its lines; `diff` has them where it was applied."""


def refactor(arguments: Mapping[str, Any], _: Report) -> dict[str, Any]:
    """The job: `code`, `language`, `extension`, `thresholds` and `max_findings` in; a Refactoring out."""
    code, language = arguments["code"], arguments["language"]
    better, suggestions = advice(code, language, arguments["grammar"])
    suggestions += size_advice(opened(code, language), arguments["extension"], Thresholds(**arguments["thresholds"]))
    worst_first = sorted(suggestions, key=lambda s: (RANK[s["severity"]], s["line"], s["rule"]))
    kept, omitted = bounded(worst_first, arguments["max_findings"])
    return {"suggestions": kept, "refactored_code": better, "diff": diff(code, better), **omitted}


def advice(code: str, language: str, grammar: str) -> tuple[str, list[Suggestion]]:
    """The snippet with what is safe to change, and everything that could be."""
    if language == "python":
        return python_advice(code)
    return structural_advice(code, grammar) if grammar else (code, [])


def python_advice(code: str) -> tuple[str, list[Suggestion]]:
    """The snippet with ruff's safe fixes, and everything ruff would change. Raises Invalid, naming the line, when the
    snippet is not Python."""
    found = python_lint.advice_on(code)
    for each in found:
        if each["code"] in (None, "invalid-syntax"):
            line = each["location"]["row"]
            raise Invalid(f"code_snippet is not valid Python: syntax error in line {line}", line=line)
    require_python(code)
    better = python_lint.fixed(code)
    if not parses(better):
        better = code
    return better, [suggestion(each, code) for each in found]


def suggestion(each: python_lint.Diagnostic, code: str) -> Suggestion:
    """One diagnostic of ruff in our shape."""
    told: Suggestion = {
        "rule": each["code"],
        "severity": next((severity for prefix, severity in SEVERITIES if fits(each["code"], prefix)), "low"),
        "line": each["location"]["row"],
        "message": each["message"],
    }
    if each["url"]:
        told["url"] = each["url"]
    if each["fix"]:
        before, after = changed_lines(code, each["fix"]["edits"])
        if len(before) + len(after) <= MAX_SHOWN:
            told["before"], told["after"] = before, after
        told["applied"] = each["fix"]["applicability"] == "safe"
    return told


def fits(rule: str, prefix: str) -> bool:
    """`B` is the prefix of B006 and not of BLE001."""
    return rule.startswith(prefix) and (prefix[-1].isdigit() or rule[len(prefix) :].isdigit())


def changed_lines(code: str, edits: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """The lines that a fix touches, whole: as they are and as they would be."""
    starts = [0, *(match.end() for match in LINE_END.finditer(code))]
    spans = sorted((offset(e["location"], starts), offset(e["end_location"], starts), e["content"]) for e in edits)
    first = max(start for start in starts if start <= spans[0][0])
    touched = max(spans[-1][0], spans[-1][1] - 1)
    end = min((start for start in starts if start > touched), default=len(code))
    after, done = "", first
    for begin, until, content in spans:
        after += code[done:begin] + content
        done = until
    return code[first:end], after + code[done:end]


def offset(location: Mapping[str, int], starts: Sequence[int]) -> int:
    """Where a row and a column, both counted from 1 and in characters, are in the text."""
    return starts[min(location["row"], len(starts)) - 1] + location["column"] - 1


def size_advice(code: str, extension: str, thresholds: Thresholds) -> list[Suggestion]:
    """Functions that are too complex, too long or take too many parameters."""
    return [
        {"rule": each.rule, "severity": each.severity, "line": each.line, "message": each.message}
        for function in functions_of(f"snippet{extension}", code)
        for each in excesses(function, thresholds)
    ]


def diff(before: str, after: str) -> str:
    """The change as a unified diff; empty when there is none."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="")
    return "".join(f"{line}\n" for line in lines)
