"""Lines of the common languages, by one regular expression each: code, comments, blanks, as pygount would count.

A file is passed through one substitution in which every comment becomes a mark, every string another, and all line
ends stay. What a line holds is then plain: anything that is no mark, blank or bracket is code. This takes a
thirtieth of the time of a lexer; languages without a syntax here are left to pygount.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("texts") / "syntaxes.yml"

STRING, COMMENT = "\x01", "\x02"
EMPTY = " \f\v\n\r\t(),:;[]{}" + STRING + COMMENT
"""A line of nothing else is no code; brackets alone are as good as blank."""

CONTROL = str.maketrans({STRING: " ", COMMENT: " "})
OBJECTIVE_C = re.compile(r"^\s*(?:@(?:interface|implementation|protocol|property|class|end)\b|#import\b)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Syntax:
    """What comments and strings look like in one language."""

    name: str
    pattern: re.Pattern[str]
    begins: str = ""
    """A file that begins otherwise is something else and left to pygount."""
    inlay: str = ""
    """How code inside a string begins; empty where there is none."""
    empty_words: frozenset[str] = frozenset()
    documented: bool = False
    """A string after a colon, or at the beginning, is a comment."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Lines by what they hold. `marked` is the text with marks for comments and strings."""

    language: str
    code: int
    comment: int
    string: int
    blank: int
    marked: str


@cache
def syntaxes() -> Mapping[str, Syntax]:
    """Every syntax by file extension."""
    read: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {extension: syntax(each) for each in read for extension in each["extensions"]}


def syntax(read: Mapping[str, Any]) -> Syntax:
    """One entry of the file. Raises KeyError or re.error when it is not sound."""
    kinds = [(kind, read.get(kind, ())) for kind in ("keep", "comment", "string")]
    named = [f"(?P<{kind}>{'|'.join(expressions)})" for kind, expressions in kinds if expressions]
    return Syntax(
        name=read["name"],
        pattern=re.compile("|".join(named), re.MULTILINE | re.DOTALL),
        begins=read.get("begins", ""),
        inlay=read.get("inlay", ""),
        empty_words=frozenset(read.get("empty_words", ())),
        documented=read.get("documented", False),
    )


def syntax_of(path: str, text: str) -> Syntax | None:
    """The syntax of a file, or None when it has none here."""
    extension = path.rpartition(".")[2].lower()
    found = syntaxes().get(extension)
    if found is None or (found.begins and not text.lstrip().startswith(found.begins)):
        return None
    return None if extension == "h" and OBJECTIVE_C.search(text) else found


def count(path: str, text: str) -> Counted | None:
    """The lines of a text whose lines end in a line feed alone, or None when its language is not known here. Blank
    lines at both ends do not count."""
    known = syntax_of(path, text)
    if known is None:
        return None
    marked = mark(text.strip("\n"), known)
    code = comment = string = blank = 0
    for line in marked.split("\n"):
        held = line.strip(EMPTY)
        if held and held not in known.empty_words:
            code += 1
        elif STRING in line:
            string += 1
        elif COMMENT in line:
            comment += 1
        else:
            blank += 1
    return Counted(known.name, code, comment, string, blank, marked)


def mark(text: str, known: Syntax) -> str:
    """The text with its comments and strings replaced by marks, line for line."""
    if STRING in text or COMMENT in text:
        text = text.translate(CONTROL)
    return known.pattern.sub(documenting(text, known) if known.documented else marker(known), text)


def marker(known: Syntax) -> Callable[[re.Match[str]], str]:
    """What stands for each match."""

    def marked(match: re.Match[str]) -> str:
        if match.lastgroup == "comment":
            return repeated(COMMENT, match[0])
        return stringed(match[0], known) if match.lastgroup == "string" else match[0]

    return marked


def documenting(text: str, known: Syntax) -> Callable[[re.Match[str]], str]:
    """As `marker`, for a language in which a string after a colon is documentation."""
    seen_to, after_colon = 0, True

    def marked(match: re.Match[str]) -> str:
        nonlocal seen_to, after_colon
        between = text[seen_to : match.start()].strip()
        seen_to = match.end()
        if between:
            after_colon = between.endswith(":")
        comment = after_colon or match.lastgroup == "comment"
        return repeated(COMMENT, match[0]) if comment else stringed(match[0], known)

    return marked


def repeated(sign: str, text: str) -> str:
    """The sign on every line that the text touches."""
    return sign + f"\n{sign}" * text.count("\n")


def stringed(text: str, known: Syntax) -> str:
    """A string's marks; code inside of it stays code."""
    if known.inlay and known.inlay in text:
        return "\n".join(f"{STRING}x" if known.inlay in line else STRING for line in text.split("\n"))
    return repeated(STRING, text)
