"""Every structural fix does what it is for, leaves its twin alone, and is applied only where that is safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from members.code_analyzer.languages import LANGUAGES
from members.code_analyzer.restructuring import Fix, fixes, structural_advice
from members.code_analyzer.rules import first_unreadable_line

SAMPLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("fix_samples.yml").read_text())
GRAMMARS = [grammar for grammar in fixes() if grammar != "csharp"]


def test_every_fix_has_a_sample_and_every_sample_a_fix() -> None:
    assert set(SAMPLES) == {fix.id for known in fixes().values() for fix in known}
    assert set(fixes()) <= {language.grammar for language in LANGUAGES}


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_each_fix_turns_before_into_after(grammar: str) -> None:
    assert {fix.id: wrong for fix in fixes()[grammar] if (wrong := wrongs(fix, grammar))} == {}


def wrongs(fix: Fix, grammar: str) -> list[str]:
    """What is not as the sample wants it."""
    sample = SAMPLES[fix.id]
    better, suggestions = structural_advice(sample["before"], grammar)
    found = [each for each in suggestions if each["rule"] == fix.id]
    holds = {
        "told once": len(found) == 1,
        "before": all(sample["before"].endswith(each["before"]) for each in found),
        "after": all(sample["after"].endswith(each["after"]) for each in found),
        "applied where safe": all(each["applied"] is fix.safe for each in found),
        "better code": better == (sample["after"] if fix.safe else sample["before"]),
        "still readable": first_unreadable_line(sample["after"], grammar) is None,
    }
    return [f"{name}: {found}, {better!r}" for name, held in holds.items() if not held]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_each_fix_leaves_its_twin_alone(grammar: str) -> None:
    told = {fix.id: structural_advice(SAMPLES[fix.id]["left"], grammar)[1] for fix in fixes()[grammar]}
    assert [rule for rule, suggestions in told.items() if rule in {each["rule"] for each in suggestions}] == []


def test_fixes_that_touch_each_other_are_not_applied_together() -> None:
    better, suggestions = structural_advice("const x = (a ? true : false) ? true : false;\n", "javascript")
    assert better == "const x = Boolean((a ? true : false));\n"
    assert sorted(each["applied"] for each in suggestions) == [False, True]


def test_code_that_does_not_parse_is_suggested_upon_and_not_changed() -> None:
    code = "x = new Array();\nlet = = ) (;\n"
    better, suggestions = structural_advice(code, "javascript")
    assert better == code
    assert [each["applied"] for each in suggestions] == [False]


def test_lines_count_from_one_and_php_gets_no_tag_of_ours() -> None:
    better, (found,) = structural_advice("$a = 1;\n$b = array(1);\n", "php")
    assert (found["line"], better) == (2, "$a = 1;\n$b = [1];\n")
