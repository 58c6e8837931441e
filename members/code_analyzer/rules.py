"""ast-grep rules, kept as data in `rules/*.yml`, run over one snippet. Runs in workers only.

The files are in ast-grep's own form, one document per rule. `severity` error, warning, info is our high, medium,
low; `note` is the recommendation; `metadata` holds type, cwe, confidence, further languages (`also`) and what a text
`needs` to hold anywhere before it is worth its syntax tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from ast_grep_py import Config, SgNode, SgRoot

from members.code_analyzer.findings import Confidence, Severity, Vulnerability
from members.code_analyzer.languages import opened

FOLDER = Path(__file__).with_name("rules")
SEVERITIES: Mapping[str, Severity] = {"error": "high", "warning": "medium", "info": "low"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for one language; `config` is what ast-grep matches."""

    id: str
    severity: Severity
    message: str
    recommendation: str
    type: str
    cwe: int
    confidence: Confidence
    needs: re.Pattern[str]
    config: Config


@cache
def rules() -> Mapping[str, tuple[Rule, ...]]:
    """All rules by ast-grep's name of the language, in the order of the files."""
    found: dict[str, list[Rule]] = {}
    for file in sorted(FOLDER.glob("*.yml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for grammar in (document["language"].lower(), *document["metadata"].get("also", ())):
                found.setdefault(grammar, []).append(rule(document))
    return {grammar: tuple(found[grammar]) for grammar in found}


def rule(document: Mapping[str, Any]) -> Rule:
    """One document of a rule file. Raises KeyError when something is missing."""
    metadata = document["metadata"]
    matched = {key: document[key] for key in ("rule", "constraints", "utils") if key in document}
    return Rule(
        id=document["id"],
        severity=SEVERITIES[document["severity"]],
        message=document["message"],
        recommendation=document["note"],
        type=metadata["type"],
        cwe=metadata["cwe"],
        confidence=metadata["confidence"],
        needs=re.compile(metadata["needs"]),
        config=cast(Config, matched),
    )


def matches(code: str, grammar: str) -> Iterator[tuple[Rule, int]]:
    """Every rule that matches and the line where it does. The grammar must be one that ast-grep has."""
    worth_it = [each for each in rules().get(grammar, ()) if each.needs.search(code)]
    if not worth_it:
        return
    root = parse(code, grammar)
    for each in worth_it:
        for node in root.find_all(each.config):
            yield each, node.range().start.line + 1


def vulnerabilities(code: str, grammar: str) -> list[Vulnerability]:
    """What the rules find in a snippet."""
    return [
        {
            "type": each.type,
            "severity": each.severity,
            "line": line,
            "message": each.message,
            "recommendation": each.recommendation,
            "cwe": each.cwe,
            "confidence": each.confidence,
        }
        for each, line in matches(code, grammar)
    ]


def first_unreadable_line(code: str, grammar: str) -> int | None:
    """Where the grammar first lost its way, or None when it read everything."""
    error = parse(code, grammar).find(kind="ERROR")
    return None if error is None else error.range().start.line + 1


def parse(code: str, grammar: str) -> SgNode:
    """The root of the syntax tree."""
    return SgRoot(opened(code, grammar), grammar).root()
