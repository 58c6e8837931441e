"""A repository with one problem of each kind in each language, and how much of it is found: precision and recall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from members.code_analyzer.findings import Issue

PLANTS: Mapping[str, Mapping[str, Any]] = yaml.safe_load(Path(__file__).with_name("planted.yml").read_text())
KINDS = ("complexity", "length", "duplication", "unused", "unreachable", "secret", "danger", "licence")


@dataclass(frozen=True)
class Planted:
    """A problem: where it is, and as what it is to be told (`words` are part of the message)."""

    language: str
    kind: str
    file: str
    type: str
    words: str = ""

    def is_told_by(self, issue: Issue) -> bool:
        return (issue["file"], issue["type"]) == (self.file, self.type) and self.words in issue["message"]


def repository() -> tuple[dict[str, str], list[Planted]]:
    """The files, and what is wrong with them."""
    files: dict[str, str] = {}
    planted = [Planted("-", "licence", "LICENSE", "missing_licence")]
    for language, plant in PLANTS.items():
        for kind, file, text, type_, words in of_language(language, plant):
            files[file] = text
            if kind != "clean":
                planted.append(Planted(language, kind, file, type_, words))
    return files, planted


def of_language(language: str, plant: Mapping[str, Any]) -> Iterable[tuple[str, str, str, str, str]]:
    """Kind, file, text, type and words."""

    def named(name: str) -> str:
        return f"{language}/{name}.{plant['extension']}"

    yield "clean", named("clean"), function(plant, "line", 4), "", ""
    yield "complexity", named("complex"), function(plant, "branch", 14), "code_smell", "complexity"
    yield "length", named("long"), function(plant, "line", 75), "code_smell", "lines of code"
    yield "clean", named("copied_a"), plant["copied"], "", ""
    yield "duplication", named("copied_b"), again(plant["copied"]), "duplication", ""
    yield "secret", named("keys"), plant["secret"], "hardcoded_secret", ""
    for kind in ("danger", "unused", "unreachable"):
        if kind in plant:
            yield kind, named(kind), *plant[kind], ""


def function(plant: Mapping[str, Any], line: str, count: int) -> str:
    """A function of so many lines or branches."""
    body = "\n".join(plant[line].replace("N", str(number)) for number in range(3, 3 + count))
    text: str = plant["function"].replace("BODY", body)
    return text


def again(text: str) -> str:
    """The same code as another file has it: with a blank line after each line."""
    return "\n\n".join(text.split("\n"))


def unplanted(issues: Sequence[Issue], planted: Sequence[Planted]) -> list[Issue]:
    """What was told and is not there."""
    return [issue for issue in issues if not any(each.is_told_by(issue) for each in planted)]


def missed(issues: Sequence[Issue], planted: Sequence[Planted]) -> list[Planted]:
    """What is there and was not told."""
    return [each for each in planted if not any(each.is_told_by(issue) for issue in issues)]


def table(issues: Sequence[Issue], planted: Sequence[Planted]) -> str:
    """Markdown: of each language and kind whether it was found; precision and recall in all."""
    lost, wrong = missed(issues, planted), unplanted(issues, planted)
    lines = ["| | " + " | ".join(KINDS[:-1]) + " | told wrongly |", "|---" * (len(KINDS) + 1) + "|"]
    for language in PLANTS:
        false = sum(issue["file"].startswith(f"{language}/") for issue in wrong)
        lines.append(f"| {language} | " + " | ".join(cells(language, planted, lost)) + f" | {false} |")
    found = len(planted) - len(lost)
    recall = f"recall {found}/{len(planted)} = {found / len(planted):.1%}"
    precision = f"precision {found}/{found + len(wrong)} = {found / (found + len(wrong)):.1%}"
    return "\n".join([*lines, "", f"{precision}, {recall}, the missing licence included."])


def cells(language: str, planted: Sequence[Planted], lost: Sequence[Planted]) -> list[str]:
    mine = {each.kind: "missed" if each in lost else "found" for each in planted if each.language == language}
    return [mine.get(kind, "–") for kind in KINDS[:-1]]
