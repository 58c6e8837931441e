"""Python's functions from the tree: as lizard counts them, and better where it is known to be wrong."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import aiohttp
import lizard  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from members.code_analyzer.metrics import functions_of
from members.code_analyzer.python_functions import python_functions
from members.code_analyzer.thresholds import Function

FIGURES = ("functions", "lines", "complexity", "parameters")

SAMPLES: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("python_samples.yml").read_text())
ALIKE, INNER = SAMPLES["alike"], SAMPLES["inner"]


def by_lizard(text: str) -> list[Function]:
    found = lizard.analyze_file.analyze_source_code("a.py", text).function_list
    return sorted(
        (Function(f.name, f.start_line, f.nloc, f.cyclomatic_complexity, f.parameter_count) for f in found),
        key=lambda each: each.line,
    )


def ours(text: str) -> list[Function]:
    found = python_functions(text)
    assert found is not None
    return found


def only(text: str) -> Function:
    (found,) = ours(dedent(text))
    return found


def own_name(function: Function) -> str:
    return function.name.rpartition(".")[2]


def figures(found: list[Function]) -> dict[str, int]:
    sums = (len(found), *(sum(getattr(f, name) for f in found) for name in ("code_lines", "complexity", "parameters")))
    return dict(zip(FIGURES, sums, strict=True))


@pytest.mark.parametrize("construct", ALIKE)
def test_every_construct_counts_as_lizard_counts_it(construct: str) -> None:
    assert ours(ALIKE[construct]) == by_lizard(ALIKE[construct])


@pytest.mark.parametrize("construct", INNER)
def test_inner_functions_count_as_lizard_counts_them_but_for_their_first_line(construct: str) -> None:
    found, theirs = ours(INNER[construct]), by_lizard(INNER[construct])
    assert [own_name(f) for f in found] == [own_name(f) for f in theirs]
    assert [(f.line, f.complexity, f.parameters) for f in found] == [
        (f.line, f.complexity, f.parameters) for f in theirs
    ]
    assert figures(theirs)["lines"] - figures(found)["lines"] == len(found) - 1


@pytest.mark.parametrize("folder", [Path(aiohttp.__file__).parent, Path(pytest.__file__).parent.parent / "_pytest"])
def test_real_trees_count_as_lizard_counts_them_within_one_per_cent(folder: Path) -> None:
    texts = [each.read_text(encoding="utf-8") for each in sorted(folder.rglob("*.py"))[:14]]
    found = figures([each for text in texts for each in ours(text)])
    theirs = figures([each for text in texts for each in by_lizard(text)])
    assert theirs["functions"] > 100
    assert {name: abs(found[name] - theirs[name]) / theirs[name] < 0.01 for name in FIGURES} == dict.fromkeys(
        FIGURES, True
    ), (found, theirs)


def test_a_body_on_the_line_of_its_signature_is_a_function() -> None:
    found = ours("def f(a): return a if a else 1\nclass A:\n    def g(self): pass\n")
    assert [(f.name, f.code_lines, f.complexity) for f in found] == [("f", 1, 2), ("g", 1, 1)]


def test_what_stands_below_a_return_type_of_several_lines_counts() -> None:
    function = only("""
        def f(a) -> tuple[
            int, str
        ]:
            if a:
                return 1, "a"
            return 2, "b"
    """)
    assert (function.line, function.code_lines, function.complexity) == (2, 6, 2)


def test_documenting_text_is_no_code_in_any_quotes() -> None:
    assert only("def f():\n    'Doc.'\n    return 1\n").code_lines == 2


def test_text_in_a_dictionary_is_code() -> None:
    assert only('def f():\n    return {\n        "a":\n        """x\n        y""",\n    }\n').code_lines == 6


def test_an_inner_class_keeps_its_methods_lines_to_themselves() -> None:
    found = ours("def f():\n    class A:\n        def g(self):\n            return 1 or 2\n    return A\n")
    assert [(f.name, f.code_lines, f.complexity) for f in found] == [("f", 3, 1), ("f.g", 2, 2)]


@pytest.mark.parametrize("comment", ["# lizard forgives", "#lizard forgive global", "# GENERATED CODE"])
def test_a_comment_cannot_hide_a_function(comment: str) -> None:
    assert [f.name for f in functions_of("a.py", f"def f():\n    {comment}\n    return 1\n")] == ["f"]


@pytest.mark.parametrize("text", ["def f():\n    print 'a'\n    return 1\n", "def f():\n    return 1\n\nx = = 2\n"])
def test_what_does_not_parse_is_left_to_lizard(text: str) -> None:
    assert python_functions(text) is None
    assert [f.name for f in functions_of("a.py", text)] == ["f"]


DEEP = {
    "brackets": "(" * 5000,
    "attributes": "a" + ".b" * 50_000,
    "sums": "1" + "+1" * 50_000,
    "signs": "-" * 50_000 + "1",
    "lambdas": "lambda:" * 20_000 + "1",
    "elif": "if a: pass\n" + "elif b: pass\n" * 20_000,
    "nul": "x = 1\0",
    "surrogate": "x = '\ud800'",
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.timeout(10)
def test_what_the_parser_refuses_is_no_fault_of_ours(kind: str) -> None:
    assert python_functions(DEEP[kind]) is None


def test_a_chain_as_deep_as_the_parser_takes_is_counted() -> None:
    text = "def f(a):\n    if a == 0:\n        pass\n" + "".join(
        f"    elif a == {n}:\n        pass\n" for n in range(1000)
    )
    assert only(text).complexity == 1002


@pytest.mark.filterwarnings("error")
def test_the_parsers_warnings_are_not_passed_on() -> None:
    assert only("def f(a):\n    return a is 1 and '\\d'\n").complexity == 2
