"""security_scan on one snippet: all engines that know the language, each weakness told once. Runs in workers only."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from members.code_analyzer import python_security, rules
from members.code_analyzer.findings import Vulnerability, bounded, named_once
from members.code_analyzer.secrets_scan import as_vulnerability, secrets_in
from members.sandbox.refusals import Invalid, Refusal, TooLarge
from members.sandbox.worker import Report


def security_scan(arguments: Mapping[str, Any], _: Report) -> dict[str, Any]:
    """The job: `code`, `extension`, `grammar` (or nothing), `max_findings` and a scratch `folder` in; a Scan out."""
    code, grammar, folder = arguments["code"], arguments["grammar"], Path(arguments["folder"])
    found = [as_vulnerability(each) for each in secrets_in(code, arguments["extension"], folder, entropy=True)]
    notes: list[str] = []
    if grammar == "python":
        found = python_weaknesses(code, folder) + found
    elif grammar:
        found = rules.vulnerabilities(code, grammar) + found
        notes = unreadable(code, grammar)
    kept, omitted = bounded(named_once(found), arguments["max_findings"])
    return {"vulnerabilities": kept, **({"notes": notes} if notes else {}), **omitted}


def python_weaknesses(code: str, folder: Path) -> list[Vulnerability]:
    """Bandit's findings. Raises Invalid, naming the line, when the snippet is not Python."""
    require_python(code)
    file = folder / "snippet.py"
    file.write_text(code, encoding="utf-8")
    return python_security.vulnerabilities(file)


def require_python(code: str) -> None:
    """Return when the snippet parses. What the parser says is not passed on: it may quote the code."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        line = error.lineno or 1
        raise Invalid(f"code_snippet is not valid Python: syntax error in line {line}", line=line) from None
    except (RecursionError, MemoryError):
        raise TooLarge("code_snippet is nested more deeply than Python can parse") from None


def parses(code: str) -> bool:
    """Is this Python?"""
    try:
        require_python(code)
    except Refusal:
        return False
    return True


def unreadable(code: str, grammar: str) -> list[str]:
    """A note when part of the snippet could not be parsed: grammars take more than compilers, so it is no error."""
    line = rules.first_unreadable_line(code, grammar)
    return [] if line is None else [f"The code could not be parsed from line {line} on; weaknesses may be missing."]
