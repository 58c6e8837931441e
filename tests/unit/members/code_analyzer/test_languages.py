"""Languages by their many names."""

from __future__ import annotations

import pytest

from members.code_analyzer.languages import LANGUAGES, MEASURED, SCANNED, find
from members.sandbox.refusals import Invalid


@pytest.mark.parametrize(
    ("named", "name"),
    [("python", "python"), ("Python", "python"), (" JS ", "javascript"), ("C++", "cpp"), ("c#", "csharp"),
     ("golang", "go"), ("shell", "bash")],
)  # fmt: skip
def test_a_language_is_found_by_its_usual_names(named: str, name: str) -> None:
    assert find(named, SCANNED).name == name


def test_a_misspelt_language_gets_a_hint_and_the_list() -> None:
    with pytest.raises(Invalid, match="Did you mean python") as caught:
        find("pythn", SCANNED)
    assert caught.value.details["did_you_mean"] == "python"
    assert "javascript" in caught.value.details["known"]


@pytest.mark.parametrize("named", ["", "  ", "brainfuck", "x" * 10_000])
def test_an_unknown_language_lists_the_known_ones(named: str) -> None:
    with pytest.raises(Invalid, match=r"Known here: .*python") as caught:
        find(named, SCANNED)
    assert len(caught.value.message) < 600


def test_a_language_without_functions_cannot_be_refactored() -> None:
    assert "yaml" in SCANNED
    with pytest.raises(Invalid):
        find("yaml", MEASURED)


def test_no_name_means_two_languages() -> None:
    names = [name for language in LANGUAGES for name in (language.name, *language.aliases)]
    assert len(names) == len(set(names))
