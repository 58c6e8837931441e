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
FIXES = [
    pytest.param(grammar, fix, id=f"{grammar}-{fix.id}")
    for grammar, known in fixes().items()
    for fix in known
    if grammar != "csharp"
]


def test_every_fix_has_a_sample_and_every_sample_a_fix() -> None:
    assert set(SAMPLES) == {fix.id for known in fixes().values() for fix in known}
    assert set(fixes()) <= {language.grammar for language in LANGUAGES}


@pytest.mark.parametrize(("grammar", "fix"), FIXES)
def test_a_fix_turns_before_into_after(grammar: str, fix: Fix) -> None:
    sample = SAMPLES[fix.id]
    better, suggestions = structural_advice(sample["before"], grammar)
    (found,) = (each for each in suggestions if each["rule"] == fix.id)
    assert sample["before"].endswith(found["before"])
    assert sample["after"].endswith(found["after"])
    assert found["applied"] is fix.safe
    assert better == (sample["after"] if fix.safe else sample["before"])
    assert first_unreadable_line(sample["after"], grammar) is None


@pytest.mark.parametrize(("grammar", "fix"), FIXES)
def test_a_fix_leaves_its_twin_alone(grammar: str, fix: Fix) -> None:
    assert fix.id not in {each["rule"] for each in structural_advice(SAMPLES[fix.id]["left"], grammar)[1]}


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
