"""Bandit on a Python snippet, in our words. Runs in workers only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bandit.core.config import BanditConfig  # type: ignore[import-untyped]  # it ships no types
from bandit.core.manager import BanditManager  # type: ignore[import-untyped]  # it ships no types

from members.code_analyzer.findings import Vulnerability
from members.code_analyzer.wording import ELSEWHERE, texts

NOISE = {"B403", "B404", "B405", "B406", "B407", "B408", "B409", "B603", "B606"}
"""Imports of modules whose dangerous uses are found anyway, and calls that are as they should be."""


def vulnerabilities(file: Path) -> list[Vulnerability]:
    """What bandit finds in a file that parses. Comments that silence bandit are not obeyed."""
    manager = BanditManager(BanditConfig(), "file", profile={"exclude": NOISE}, ignore_nosec=True)
    manager.discover_files([str(file)])
    manager.run_tests()
    return [vulnerability(each.as_dict(with_code=False)) for each in manager.results]


def vulnerability(found: Mapping[str, Any]) -> Vulnerability:
    """One result of bandit in our shape. Its own text is left behind: it may quote the code."""
    text = texts().get(found["test_id"], ELSEWHERE)
    return {
        "type": text["type"],
        "severity": text.get("severity", found["issue_severity"].lower()),  # type: ignore[typeddict-item]  # of three
        "line": found["line_number"],
        "message": text["message"],
        "recommendation": text["advice"].replace("{id}", found["test_id"]),
        "cwe": found["issue_cwe"].get("id", 0),
        "confidence": found["issue_confidence"].lower(),
    }
