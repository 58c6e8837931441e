"""Which readings of a question are tried, and in which order."""

from __future__ import annotations

from typing import Any

from directory.question import MAX_CORRECTIONS
from directory.text import TextIndex
from tests.unit.directory.catalogue import text_index

WORDS = ("harbour", "mountain", "painting", "umbrella", "elephant", "notebook", "sandwich")
MEMBERS: dict[str, dict[str, Any]] = {f"{number}_{word}": {"name": word} for number, word in enumerate(WORDS)}


def members_of(text: TextIndex, question: str) -> list[list[str]]:
    """Who is found by each reading, by id."""
    return [sorted(scores) for scores in text.readings(question)]


async def test_every_word_as_it_is_comes_first_and_any_word_last() -> None:
    both = {"both": {"name": "harbour mountain"}}
    async with text_index(MEMBERS | both) as text:
        assert members_of(text, "harbour mountain") == [["both"], ["0_harbour", "1_mountain", "both"]]


async def test_one_word_has_one_reading() -> None:
    async with text_index(MEMBERS) as text:
        assert members_of(text, "harbour") == [["0_harbour"]]
        assert members_of(text, "habrour") == [["0_harbour"]]
        assert members_of(text, "volcano") == []


async def test_only_unknown_words_are_corrected() -> None:
    near = {"a": {"name": "painting"}, "b": {"name": "pointing"}, "c": {"name": "paintings harbour"}}
    async with text_index(near) as text:
        assert members_of(text, "painting habrour")[0] == ["c"]
        assert members_of(text, "pointing") == [["b"]]


async def test_a_word_that_nobody_has_does_not_hide_the_others() -> None:
    async with text_index(MEMBERS) as text:
        assert members_of(text, "volcano elephant") == [["4_elephant"]]


async def test_a_compound_is_taken_apart_when_nobody_has_all_of_it() -> None:
    async with text_index(MEMBERS) as text:
        assert members_of(text, "elephant_umbrella") == [["3_umbrella", "4_elephant"]]


async def test_only_so_many_words_are_corrected() -> None:
    mistyped = " ".join(f"{word[:3]}{word[4]}{word[3]}{word[5:]}" for word in WORDS)
    async with text_index(MEMBERS) as text:
        assert members_of(text, mistyped) == [sorted(MEMBERS)[:MAX_CORRECTIONS]]


async def test_nothing_asked_and_nobody_there_have_no_reading() -> None:
    async with text_index(MEMBERS) as text:
        assert members_of(text, " ... ") == []
    async with text_index({}) as text:
        assert members_of(text, "harbour") == []
