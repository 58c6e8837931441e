"""Weaknesses in files of a repository: ast-grep rules by language, ruff's security rules for Python, secrets in all.

Runs in workers only. Python goes through ruff instead of bandit, which knows the same tests and would take a hundred
times as long; the words are bandit's entries in `texts/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from members.code_analyzer import python_lint, rules
from members.code_analyzer.findings import FileVulnerability, Issue, Vulnerability, named_once
from members.code_analyzer.secrets_scan import as_vulnerability, secrets_in
from members.code_analyzer.structure import GRAMMARS
from members.code_analyzer.wording import ELSEWHERE, texts

REHEARSED = {"test", "tests", "testing", "spec", "specs", "doc", "docs", "example", "examples", "fixtures", "testdata"}
"""Folders whose secrets are mostly made up and whose calls are mostly harmless."""

MAX_PARSED = 512 * 1024
"""Characters above which a file is packed or generated, and its tree not worth the time."""


def in_file(path: str, text: str, extension: str, folder: Path, *, rules_too: bool = True) -> list[FileVulnerability]:
    """Secrets, and what the rules for the file's language find. `folder` takes a temporary file."""
    found = [as_vulnerability(secret) for secret in secrets_in(text, extension, folder, entropy=False)]
    grammar = GRAMMARS.get(extension.lstrip("."), "python")
    if rules_too and grammar != "python" and len(text) <= MAX_PARSED:
        found = rules.vulnerabilities(text, grammar) + found
    return placed(path, named_once(found))


def in_python(path: str, code: str, line: int) -> FileVulnerability:
    """One result of ruff's security rules, whose numbers are bandit's."""
    text = texts().get(f"B{code[1:]}", ELSEWHERE)
    weakness: Vulnerability = {
        "type": text["type"],
        "severity": text.get("severity", "medium"),  # type: ignore[typeddict-item]  # of three
        "line": line,
        "message": text["message"],
        "recommendation": text["advice"].replace("{id}", f"B{code[1:]}"),
        "cwe": python_lint.CWE.get(text["type"], 710),
        "confidence": "low" if code in python_lint.GUESSES else "medium",
    }
    return placed(path, [weakness])[0]


def placed(path: str, found: Iterable[Vulnerability]) -> list[FileVulnerability]:
    """Weaknesses with their file; those in folders of tests and examples are of little weight."""
    rehearsed = REHEARSED & {part.lower() for part in PurePosixPath(path).parts[:-1]}
    return [{**each, "file": path, "severity": "low" if rehearsed else each["severity"]} for each in found]


def as_issue(found: FileVulnerability) -> Issue:
    """A weakness as analyze_repo tells it."""
    return {
        "type": found["type"],
        "severity": found["severity"],
        "file": found["file"],
        "line": found["line"],
        "message": found["message"],
    }


def worth_an_issue(found: FileVulnerability) -> bool:
    """analyze_repo leaves guesses to scan_repo."""
    return found["confidence"] != "low"
