"""The project's pages as tests read them: code blocks, tables, links, words in code quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, whether it is marked to be run, its text."""

    language: str
    runs: bool
    text: str


def pages() -> list[Path]:
    """Every page that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in _BLOCK.finditer(text):
        language, _, mark = match["info"].partition(" ")
        found.append(Block(language, mark.strip() == "run", match["text"]))
    return found


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", text)


def quoted(text: str) -> list[str]:
    """What stands in code quotes outside of blocks."""
    return _QUOTED.findall(prose(text))


def links(text: str) -> list[str]:
    """The targets of links outside of blocks."""
    return _LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The names by which a forge links to the headings of a page."""
    headings = (heading.lower() for heading in _HEADING.findall(prose(text)))
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in headings}


def table_after(text: str, mark: str) -> list[list[str]]:
    """The cells of the first table behind `mark`, its head left out. Raises StopIteration where there is none."""
    lines = iter(text[text.index(mark) :].splitlines())
    next(line for line in lines if set(line) <= set("|-: ") and "-" in line)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def json_values(output: str) -> Iterator[Any]:
    """Every JSON object of a command's output; other lines are passed over."""
    decoder = json.JSONDecoder()
    at = 0
    while (at := output.find("{", at)) >= 0:
        value, at = decoder.raw_decode(output, at)
        yield value


EXACT = frozenset({"id", "code", "status"})
"""Keys whose values a trimmed answer shows as they are; of others it shows the kind."""


def shows(shown: Any, real: Any, key: str = "") -> bool:
    """Whether `shown` is `real` with parts left out: its keys, its kinds of values, and its values of EXACT keys."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return all(name in real and shows(value, real[name], name) for name, value in shown.items())
    if isinstance(shown, list) and isinstance(real, list):
        return all(any(shows(item, other, key) for other in real) for item in shown)
    if key in EXACT:
        return bool(shown == real)
    numbers = isinstance(shown, int | float) and isinstance(real, int | float)
    return numbers or type(shown) is type(real)
