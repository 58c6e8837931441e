"""One file measured: its lines by syntax or by pygount, its functions by a tree or by lizard. Runs in workers only."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from pathlib import PurePosixPath

from pygount.analysis import (  # type: ignore[import-untyped]  # it ships no types
    DEFAULT_GENERATED_LINE_PATTERNS_TEXT,
    DEFAULT_GENERATED_NAME_PATTERNS_TEXT,
    SourceAnalysis,
    SourceState,
    has_lexer,
    matching_number_line_and_regex,
)
from pygount.common import (  # type: ignore[import-untyped]  # it ships no types
    lines,
    matching_regex,
    regexes_from,
)

from members.code_analyzer import linecount
from members.code_analyzer.python_functions import python_functions
from members.code_analyzer.thresholds import Function
from members.code_analyzer.token_functions import token_functions

GENERATED_LINES = regexes_from(DEFAULT_GENERATED_LINE_PATTERNS_TEXT)
GENERATED_NAMES = regexes_from(DEFAULT_GENERATED_NAME_PATTERNS_TEXT)

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SNIFFED_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Lines:
    """A file's lines. When `skipped` is not empty it says why there are none.

    `string` lines hold nothing but text; `marked`, where the language has a syntax here, is the text without its
    comments and strings, its first line being line `first` of the file."""

    language: str = ""
    code: int = 0
    comment: int = 0
    string: int = 0
    blank: int = 0
    skipped: str = ""
    marked: str = ""
    first: int = 1

    @property
    def total(self) -> int:
        return self.code + self.comment + self.string + self.blank


def text_of(content: bytes) -> str | None:
    """The text in a file, or None when it is binary. UTF-8 unless marked otherwise; what is neither is read as
    Latin-1, which loses no line."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\0" in content[:SNIFFED_BYTES]:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def lines_of(path: str, text: str) -> Lines:
    """The lines of a file: by syntax where there is one, else what pygount counts with its defaults for generated
    files and embedded languages merged."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if generated(path, text):
        return Lines(skipped="generated")
    counted = linecount.count(path, text)
    if counted is None:
        return lines_by_pygount(path, text)
    first = 1 + len(text) - len(text.lstrip("\n"))
    return Lines(
        counted.language, counted.code, counted.comment, counted.string, counted.blank,
        marked=counted.marked, first=first,
    )  # fmt: skip


def generated(path: str, text: str) -> bool:
    """Does the name or one of the first lines say that a program wrote this? By pygount's defaults, on a text whose
    lines end in a line feed alone."""
    if matching_regex(PurePosixPath(path).name, GENERATED_NAMES) is not None:
        return True
    return matching_number_line_and_regex(lines(text[:16384]), GENERATED_LINES) is not None


def lines_by_pygount(path: str, text: str) -> Lines:
    """What pygount counts."""
    if not has_lexer(path):
        return Lines(skipped="unknown_language")
    counted = SourceAnalysis.from_file(
        path, "repository", file_handle=io.StringIO(text), generated_regexes=[], merge_embedded_language=True
    )
    if counted.state != SourceState.analyzed:
        return Lines(skipped=counted.state.name)
    return Lines(
        counted.language.lower(), counted.code_count, counted.documentation_count, counted.string_count,
        counted.empty_count,
    )  # fmt: skip


def functions_of(path: str, text: str) -> list[Function]:
    """Those of Python as its parser sees them; what lizard finds in what does not parse, and in other languages;
    nothing in a language that it does not read."""
    if path.lower().endswith(".py"):
        found = python_functions(text.replace("\r\n", "\n").replace("\r", "\n"))
        if found is not None:
            return found
    return token_functions(path, text)


def safe_name(path: str) -> str:
    """A file name with the same meaning to tools that go by names, whoever chose the original: `__init__.py`,
    or `file` with its extension."""
    pure = PurePosixPath(path)
    if pure.name in ("__init__.py", "__init__.pyi"):
        return pure.name
    extension = pure.suffix.lower()
    plain = extension.isascii() and extension[1:].isalnum() and len(extension) <= 12
    return f"file{extension}" if plain else "file"
