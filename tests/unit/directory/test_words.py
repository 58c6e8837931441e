"""The words of names and sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.words import compounds, spelled, split, squashed


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("code_analyzer", ("code", "analyzer")),
        ("codeAnalyzer", ("code", "analyzer")),
        ("CodeAnalyzer", ("code", "analyzer")),
        ("code-analyzer.fast", ("code", "analyzer", "fast")),
        ("HTTPServer", ("http", "server")),
        ("parseJSON", ("parse", "json")),
        ("sha256sum", ("sha256sum",)),
        ("base64Encode", ("base64", "encode")),
        ("repo.read", ("repo", "read")),
        ("ABC", ("abc",)),
        ("a__b", ("a", "b")),
        ("x" * 200, ("x" * 200,)),
    ],
)
def test_an_identifier_is_cut_into_its_words(identifier: str, words: tuple[str, ...]) -> None:
    assert split(identifier) == words


def test_a_text_is_spelled_with_each_compound_also_in_one_piece() -> None:
    assert spelled("Uses GitHub, via code_analyzer!") == "uses git hub github via code analyzer codeanalyzer"


def test_a_name_in_one_piece_has_neither_case_nor_marks() -> None:
    assert squashed("Code Analyzer (FastMCP)") == squashed("code_analyzer-fast.mcp") == "codeanalyzerfastmcp"


def test_marks_alone_are_no_words() -> None:
    assert compounds(" \"' -- __ ... :: ~ ") == []


@given(st.text(max_size=60))
def test_any_text_is_taken_and_gives_words_of_letters_and_digits(text: str) -> None:
    assert all(part and not set(part) & set("_-. ") for one in compounds(text) for part in one.parts)
