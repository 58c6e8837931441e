"""Structural suggestions for languages other than Python, from ast-grep rules with a fix, kept as data in `fixes/`.

A fix is applied where its rule calls it safe, no other fix touches the same text, and the result still parses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from ast_grep_py import Config, SgNode

from members.code_analyzer.findings import Suggestion
from members.code_analyzer.languages import opened
from members.code_analyzer.rules import first_unreadable_line, parse

FOLDER = Path(__file__).with_name("fixes")
VARIABLE = re.compile(r"(\$\$\$|\$)([A-Z]+)")


@dataclass(frozen=True, slots=True)
class Fix:
    """One rule for one language: what it matches, and what the match becomes."""

    id: str
    message: str
    safe: bool
    becomes: str
    config: Config


@dataclass(frozen=True, slots=True)
class Change:
    """One place where a fix fits; `start` and `end` count characters of the text that was parsed."""

    fix: Fix
    start: int
    end: int
    text: str


@cache
def fixes() -> Mapping[str, tuple[Fix, ...]]:
    """All rules by ast-grep's name of the language."""
    found: dict[str, list[Fix]] = {}
    for file in sorted(FOLDER.glob("*.yml")):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for grammar in (document["language"].lower(), *document["metadata"].get("also", ())):
                found.setdefault(grammar, []).append(fix(document))
    return {grammar: tuple(known) for grammar, known in found.items()}


def fix(document: Mapping[str, Any]) -> Fix:
    """One document of a rule file. Raises KeyError when something is missing."""
    config = {key: document[key] for key in ("rule", "constraints") if key in document}
    safe = document["metadata"]["safe"]
    return Fix(document["id"], document["message"], safe, document["fix"], cast(Config, config))


def structural_advice(code: str, grammar: str) -> tuple[str, list[Suggestion]]:
    """The snippet with the safe fixes, and everything that the rules would change."""
    text = opened(code, grammar)
    added = len(text) - len(code)
    changes = changes_in(text, grammar)
    applied = apart([each for each in changes if each.fix.safe])
    better = changed(text, applied)
    if first_unreadable_line(better, grammar) is not None:
        applied, better = [], text
    return better[added:], [suggestion(each, text, added, each in applied) for each in changes]


def changes_in(text: str, grammar: str) -> list[Change]:
    """Every place where a fix fits."""
    root = parse(text, grammar)
    return [
        Change(each, node.range().start.index, node.range().end.index, filled(each.becomes, node, text))
        for each in fixes().get(grammar, ())
        for node in root.find_all(each.config)
    ]


def filled(template: str, node: SgNode, text: str) -> str:
    """A fix with its variables replaced by what they matched."""

    def value(variable: re.Match[str]) -> str:
        if variable[1] == "$":
            one = node.get_match(variable[2])
            return one.text() if one is not None else variable[0]
        several = node.get_multiple_matches(variable[2])
        return text[several[0].range().start.index : several[-1].range().end.index] if several else ""

    return VARIABLE.sub(value, template)


def apart(changes: Iterable[Change]) -> list[Change]:
    """The changes that come first and do not touch each other."""
    kept: list[Change] = []
    for each in sorted(changes, key=lambda change: (change.start, -change.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def changed(text: str, changes: Sequence[Change]) -> str:
    """The text with changes that are apart."""
    after, done = "", 0
    for each in changes:
        after += text[done : each.start] + each.text
        done = each.end
    return after + text[done:]


def suggestion(change: Change, text: str, added: int, applied: bool) -> Suggestion:
    """One change in our shape, with the whole lines that it touches."""
    begin = max(text.rfind("\n", 0, change.start) + 1, added)
    end = text.find("\n", change.end) + 1 or len(text)
    after = text[begin : change.start] + change.text + text[change.end : end]
    return {
        "rule": change.fix.id,
        "severity": "low",
        "line": text.count("\n", 0, change.start) + 1,
        "message": change.fix.message,
        "before": text[begin:end],
        "after": after,
        "applied": applied,
    }
