"""One file measured: its lines by pygount, its functions by lizard. Runs in workers only."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import lizard  # type: ignore[import-untyped]  # it ships no types
from pygount.analysis import (  # type: ignore[import-untyped]  # it ships no types
    DEFAULT_GENERATED_LINE_PATTERNS_TEXT,
    DEFAULT_GENERATED_NAME_PATTERNS_TEXT,
    SourceAnalysis,
    SourceState,
    has_lexer,
)
from pygount.common import regexes_from  # type: ignore[import-untyped]  # it ships no types

from members.code_analyzer.thresholds import Function

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
    """A file's lines. When `skipped` is not empty it says why there are none."""

    language: str = ""
    code: int = 0
    total: int = 0
    skipped: str = ""


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
    """What pygount counts, with its defaults for generated files and embedded languages merged."""
    if not has_lexer(path):
        return Lines(skipped="unknown_language")
    counted = SourceAnalysis.from_file(
        path,
        "repository",
        file_handle=io.StringIO(text),
        generated_regexes=GENERATED_LINES,
        generated_name_regexes=GENERATED_NAMES,
        merge_embedded_language=True,
    )
    if counted.state != SourceState.analyzed:
        return Lines(skipped=counted.state.name)
    return Lines(counted.language.lower(), counted.code_count, counted.line_count)


def functions_of(path: str, text: str) -> list[Function]:
    """What lizard finds; nothing in a language that it does not read."""
    if lizard.get_reader_for(path) is None:
        return []
    found = lizard.analyze_file.analyze_source_code(path, text).function_list
    return [
        Function(each.name, each.start_line, each.nloc, each.cyclomatic_complexity, parameters(each, path))
        for each in found
    ]


def parameters(function: Any, path: str) -> int:
    """How many a function takes. Of PHP's lists lizard keeps the names and loses the commas, and counts one."""
    count: int = function.parameter_count
    return sum(text.count("$") for text in function.full_parameters) if path.endswith(".php") else count


def safe_name(path: str) -> str:
    """A file name with the same meaning to tools that go by names, whoever chose the original: `__init__.py`,
    or `file` with its extension."""
    pure = PurePosixPath(path)
    if pure.name in ("__init__.py", "__init__.pyi"):
        return pure.name
    extension = pure.suffix.lower()
    plain = extension.isascii() and extension[1:].isalnum() and len(extension) <= 12
    return f"file{extension}" if plain else "file"
