"""refactor: suggestions, the better code, the way there."""

from __future__ import annotations

from typing import Any

import pytest

from members.code_analyzer.languages import MEASURED
from members.code_analyzer.refactoring import refactor
from members.sandbox.refusals import Invalid

LIMITS = {"complexity": 3, "code_lines": 5, "parameters": 2}


def improved(code: str, language: str = "python", limit: int = 100) -> dict[str, Any]:
    known = MEASURED[language]
    arguments = {
        "code": code,
        "language": known.name,
        "extension": known.extension,
        "grammar": known.grammar,
        "thresholds": LIMITS,
    }
    return refactor(arguments | {"max_findings": limit}, lambda step: None)


def test_the_documented_sample_is_fine_as_it_is() -> None:
    code = 'def hello():\n    print("world")'
    assert improved(code) == {"suggestions": [], "refactored_code": code, "diff": ""}


def test_safe_fixes_are_applied_and_shown() -> None:
    reply = improved("import os\nimport sys\nprint(sys.path)\n")
    (suggestion,) = reply["suggestions"]
    assert suggestion["rule"] == "F401"
    assert (suggestion["line"], suggestion["before"], suggestion["after"]) == (1, "import os\n", "")
    assert suggestion["applied"] is True
    assert reply["refactored_code"] == "import sys\nprint(sys.path)\n"
    assert reply["diff"] == "--- before\n+++ after\n@@ -1,3 +1,2 @@\n-import os\n import sys\n print(sys.path)\n"


def test_a_fix_that_could_change_the_meaning_is_shown_and_not_applied() -> None:
    code = "def f(a=[]):\n    return a\n"
    reply = improved(code)
    (suggestion,) = reply["suggestions"]
    assert suggestion["rule"] == "B006"
    assert suggestion["applied"] is False
    assert "a=None" in suggestion["after"]
    assert reply["refactored_code"] == code


def test_lines_of_a_fix_are_whole_also_behind_wide_characters() -> None:
    found = {each["rule"]: each for each in improved('é = "naïve ☃"; y = dict()\nprint(é, y)\n')["suggestions"]}
    suggestion = found["C408"]
    assert suggestion["before"] == 'é = "naïve ☃"; y = dict()\n'
    assert suggestion["after"] == 'é = "naïve ☃"; y = {}\n'


def test_several_edits_of_one_fix_are_all_shown() -> None:
    found = {each["rule"]: each for each in improved("def f(b=[]):\n    x = b\n    return x + x\n")["suggestions"]}
    assert found["B006"]["after"] == "def f(b=None):\n    if b is None:\n        b = []\n    x = b\n"


def test_the_refactored_code_is_python() -> None:
    code = "x = 1\nif x == None:\n    y = dict()\nelse:\n    pass\nimport os, sys\nz = list([i for i in [1]])\n"
    compile(improved(code)["refactored_code"], "x", "exec")


@pytest.mark.parametrize("code", ["def f(:\n    pass\n", "x = 1\ny = = 2\n", "print 'a'\n", "  x = 1\n", "return = 3"])
def test_a_syntax_error_names_its_line(code: str) -> None:
    with pytest.raises(Invalid, match=r"not valid Python: syntax error in line \d"):
        improved(code)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "def f(a, b, c):\n    return a\n"),
        ("javascript", "function f(a, b, c) { return a; }"),
        ("java", "class A { int f(int a, int b, int c) { return a; } }"),
        ("go", "package p\nfunc f(a int, b int, c int) int { return a }"),
        ("cpp", "int f(int a, int b, int c) { return a; }"),
        ("rust", "fn f(a: i32, b: i32, c: i32) -> i32 { a }"),
        ("kotlin", "fun f(a: Int, b: Int, c: Int): Int { return a }"),
        ("csharp", "class A { int F(int a, int b, int c) { return a; } }"),
        ("php", "<?php function f($a, $b, $c) { return $a; }"),
        ("php", "function f(int $a, $b = [1, 2], ?string $c = null) { return $a; }"),
        ("swift", "func f(a: Int, b: Int, c: Int) -> Int { return a }"),
    ],
)
def test_sizes_are_told_in_every_language(language: str, code: str) -> None:
    assert [each["rule"] for each in improved(code, language)["suggestions"]] == ["too_many_parameters"]


def test_complex_and_long_functions_are_told_worst_first() -> None:
    body = "".join(f"    if (a == {n}) return {n};\n" for n in range(9))
    found = improved(f"int f(int a) {{\n{body}    return 0;\n}}\n", "c")["suggestions"]
    assert [(each["rule"], each["severity"]) for each in found] == [("too_complex", "high"), ("too_long", "medium")]


def test_suggestions_are_bounded_and_the_rest_is_counted() -> None:
    reply = improved("import os\n" * 9, limit=4)
    assert len(reply["suggestions"]) == 4
    assert reply["omitted"] >= 5
