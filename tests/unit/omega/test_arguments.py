"""The arguments of a tool call as people type them."""

from __future__ import annotations

from typing import Any

import pytest

from omega.cli.arguments import read_arguments, read_object, read_value
from omega.trouble import WrongUse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ('"3"', "3"),
        ("", ""),
        ("Bern", "Bern"),
        ("True", "True"),
        ("NaN", "NaN"),
        ("https://example.org/?a=b", "https://example.org/?a=b"),
        ("{not json", "{not json"),
        ("1.2.3", "1.2.3"),
        ("def f():\n  pass", "def f():\n  pass"),
    ],
)
def test_a_value_is_json_when_it_is_json_and_text_otherwise(text: str, value: Any) -> None:
    assert read_value(text) == value


def test_words_become_an_object() -> None:
    assert read_arguments(["city=Bern", "days=3", "code=a=b"]) == {"city": "Bern", "days": 3, "code": "a=b"}


def test_no_word_is_an_empty_object() -> None:
    assert read_arguments([]) == {}


def test_one_json_object_is_taken_whole() -> None:
    assert read_arguments([' {"a": {"b": [1]}} ']) == {"a": {"b": [1]}}


@pytest.mark.parametrize("words", [["city"], ["=Bern"], ["city=Bern", "days"], ["[1]"]])
def test_a_word_without_a_name_is_refused(words: list[str]) -> None:
    with pytest.raises(WrongUse, match="key=value"):
        read_arguments(words)


def test_a_name_given_twice_is_refused_rather_than_the_last_taken() -> None:
    with pytest.raises(WrongUse, match="'city' is given twice"):
        read_arguments(["city=Bern", "city=Chur"])


def test_an_object_that_is_not_json_is_refused() -> None:
    with pytest.raises(WrongUse, match="not JSON"):
        read_arguments(["{city: Bern}"])


def test_json_that_is_no_object_is_refused() -> None:
    with pytest.raises(WrongUse, match="not an object"):
        read_object("[1, 2]")
