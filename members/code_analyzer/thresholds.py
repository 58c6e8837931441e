"""When a function is too much, in words that repositories and snippets share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from members.code_analyzer.findings import Severity

MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Function:
    """One function, as lizard would count it; `code_lines` are lines without comments and blanks."""

    name: str
    line: int
    code_lines: int
    complexity: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above these a function is told."""

    complexity: int = 10
    code_lines: int = 60
    parameters: int = 5


@dataclass(frozen=True, slots=True)
class Excess:
    """One way in which a function is too much."""

    rule: str
    severity: Severity
    line: int
    message: str


def excesses(function: Function, limits: Thresholds) -> Iterator[Excess]:
    """Every way in which a function is over its thresholds."""
    name = printable(function.name)
    if function.complexity > limits.complexity:
        severity: Severity = "high" if function.complexity > 2 * limits.complexity else "medium"
        message = f"{name} has a cyclomatic complexity of {function.complexity}; at most {limits.complexity} is wanted"
        yield Excess("too_complex", severity, function.line, message)
    if function.code_lines > limits.code_lines:
        severity = "medium" if function.code_lines > 2 * limits.code_lines else "low"
        message = f"{name} has {function.code_lines} lines of code; at most {limits.code_lines} are wanted"
        yield Excess("too_long", severity, function.line, message)
    if function.parameters > limits.parameters:
        message = f"{name} takes {function.parameters} parameters; at most {limits.parameters} are wanted"
        yield Excess("too_many_parameters", "low", function.line, message)


def printable(text: str, longest: int = MAX_NAME) -> str:
    """Words out of a stranger's code, fit for one line of text."""
    clean = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
