"""Every rule finds what it is for and leaves its safe twin alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from members.code_analyzer.languages import LANGUAGES
from members.code_analyzer.rules import Rule, first_unreadable_line, matches, rules, vulnerabilities

SAMPLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("rule_samples.yml").read_text())
RULES = [(grammar, rule) for grammar, known in rules().items() for rule in known]


def samples(grammar: str, kind: str) -> Iterator[tuple[str, Rule, str]]:
    """The name of each sample of a language, its rule, its code."""
    for rule in rules()[grammar]:
        if SAMPLES[rule.id].get("language", grammar) == grammar:
            for number, code in enumerate(SAMPLES[rule.id][kind]):
                yield f"{rule.id} {number}: {code}", rule, code


def told_in(code: str, grammar: str) -> set[str]:
    return {found.id for found, _ in matches(code, grammar)}


def test_every_rule_has_samples_and_every_sample_a_rule() -> None:
    assert set(SAMPLES) == {rule.id for _, rule in RULES}
    assert all(SAMPLES[rule.id]["found"] and SAMPLES[rule.id]["left"] for _, rule in RULES)


@pytest.mark.parametrize("grammar", rules())
def test_each_rule_finds_what_it_is_for(grammar: str) -> None:
    missed = [name for name, rule, code in samples(grammar, "found") if rule.id not in told_in(code, grammar)]
    assert missed == []


@pytest.mark.parametrize("grammar", rules())
def test_each_rule_leaves_the_safe_twin_alone(grammar: str) -> None:
    accused = [name for name, rule, code in samples(grammar, "left") if rule.id in told_in(code, grammar)]
    assert accused == []


@pytest.mark.parametrize("grammar", rules())
def test_samples_are_code_that_the_grammar_reads(grammar: str) -> None:
    unread = [name for name, _, code in samples(grammar, "found") if first_unreadable_line(code, grammar) is not None]
    assert unread == []


def test_rules_are_for_languages_that_can_be_asked_for() -> None:
    assert set(rules()) <= {language.grammar for language in LANGUAGES}


def test_the_common_languages_have_a_handful_of_rules() -> None:
    common = ("javascript", "typescript", "java", "go", "ruby", "php", "c", "cpp", "csharp")
    assert [language for language in common if len(rules()[language]) < 9] == []


def test_a_weakness_has_its_line_and_what_to_do() -> None:
    (found,) = vulnerabilities("let a = 1;\n\neval(a);\n", "javascript")
    assert found["line"] == 3
    assert found["cwe"] == 95
    assert found["recommendation"]


def test_lines_stay_when_php_has_no_opening_tag() -> None:
    assert [found["line"] for found in vulnerabilities("$a = 1;\neval($a);\n", "php")] == [2]


def test_an_unreadable_part_is_named() -> None:
    assert first_unreadable_line("let a = 1;\nlet = = 3 ) (;\n", "javascript") == 2


def test_every_language_with_a_grammar_can_be_scanned() -> None:
    grammars = {each.grammar for each in LANGUAGES if each.grammar and each.name != "python"}
    assert {grammar: vulnerabilities("", grammar) for grammar in grammars} == {grammar: [] for grammar in grammars}
