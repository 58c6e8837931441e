"""What is written and never used or never reached, where one file alone can tell. Runs in workers only.

An import or a private function counts as unused when its name stands nowhere else in the file, comments and strings
included: that misses some, and accuses few. Statements that nothing can reach are found in the syntax tree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from members.code_analyzer import structure
from members.code_analyzer.findings import Issue
from members.code_analyzer.linecount import COMMENT, STRING
from members.code_analyzer.metrics import Lines
from members.code_analyzer.thresholds import printable

FILE = Path(__file__).with_name("texts") / "dead_code.yml"
WORD = re.compile(r"[\w$]+")


@dataclass(frozen=True, slots=True)
class Unused:
    """One kind of thing that can be unused. Expressions are those of the file; None where it has none."""

    type: str
    message: str
    pattern: re.Pattern[str]
    names: re.Pattern[str] | None
    exempt: re.Pattern[str] | None
    needs: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    except_files: re.Pattern[str] | None
    marked: str


@cache
def kinds() -> Mapping[str, tuple[Unused, ...]]:
    """What is looked for, by language."""
    found: dict[str, list[Unused]] = {}
    for each in yaml.safe_load(FILE.read_text(encoding="utf-8")):
        for language in each["languages"]:
            found.setdefault(language, []).append(kind(each))
    return {language: tuple(known) for language, known in found.items()}


def kind(read: Mapping[str, Any]) -> Unused:
    """One entry of the file. Raises KeyError or re.error when it is not sound."""
    names = ("names", "exempt", "needs", "unless", "except_files")
    compiled = {name: re.compile(read[name], re.MULTILINE) if name in read else None for name in names}
    pattern = re.compile(read["pattern"], re.MULTILINE)
    return Unused(read["type"], read["message"], pattern, marked=read.get("marked", ""), **compiled)


def dead_code(path: str, text: str, lines: Lines) -> list[Issue]:
    """Everything in one file that is certainly of no use."""
    return [*unused(path, text, lines), *unreachable(path, text, lines)]


def unused(path: str, text: str, lines: Lines) -> Iterator[Issue]:
    """Imports and private functions whose names stand nowhere else."""
    words: Counter[str] = Counter()
    for each in kinds().get(lines.language, ()):
        if not applies(each, path, text):
            continue
        for name, place in names_of(each, text):
            words = words or Counter(WORD.findall(text))
            line = text.count("\n", 0, place) + 1
            if words[name.rstrip("?!")] == 1 and is_code(name, line, lines) and not is_marked(each, text, place):
                message = each.message.format(name=printable(name))
                yield {"type": each.type, "severity": "low", "file": path, "line": line, "message": message}


def applies(each: Unused, path: str, text: str) -> bool:
    if each.except_files is not None and each.except_files.search(path):
        return False
    if each.needs is not None and not each.needs.search(text):
        return False
    return each.unless is None or not each.unless.search(text)


def names_of(each: Unused, text: str) -> Iterator[tuple[str, int]]:
    """Names that a kind is about, and where they stand."""
    for match in each.pattern.finditer(text):
        if each.names is None:
            found = [(match["name"], match.start("name"))]
        else:
            begin = match.start("clause")
            found = [(one["name"], begin + one.start("name")) for one in each.names.finditer(match["clause"])]
        yield from ((name, at) for name, at in found if each.exempt is None or not each.exempt.fullmatch(name))


def is_code(name: str, line: int, lines: Lines) -> bool:
    """Does the name stand outside of comments and strings?"""
    marked = lines.marked.split("\n")
    index = line - lines.first
    return 0 <= index < len(marked) and name in marked[index]


def is_marked(each: Unused, text: str, place: int) -> bool:
    """Does an annotation above say that somebody else uses it?"""
    before = text[: text.rfind("\n", 0, place) + 1].rstrip().rpartition("\n")[2].strip()
    return bool(each.marked) and before.startswith(each.marked)


def unreachable(path: str, text: str, lines: Lines) -> Iterator[Issue]:
    """Statements after one that never goes on, in the same block."""
    grammar = structure.GRAMMARS.get(path.rpartition(".")[2].lower())
    if grammar is None or not structure.may_be_unreachable(lines.marked.replace(STRING, '"').replace(COMMENT, "")):
        return
    for line in structure.unreachable_lines(text, grammar):
        message = "Nothing can reach this statement"
        yield {"type": "unreachable_code", "severity": "medium", "file": path, "line": line, "message": message}
