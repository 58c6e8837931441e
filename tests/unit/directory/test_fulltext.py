"""What is found by which words, and what comes first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory.fulltext import MAX_WORDS, Fulltext, distance, rarity
from tests.unit.directory.catalogue import MANIFESTS, best, text_index
from tests.unit.directory.samples import tool


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("image", "image_service_fastmcp"),
        ("Code Analyzer", "code_analyzer_fastmcp"),
        ("code_analyzer_fastmcp", "code_analyzer_fastmcp"),
        ("codeanalyzer", "code_analyzer_fastmcp"),
        ("analyzeRepo", "code_analyzer_fastmcp"),
        ("repo.read", "code_analyzer_fastmcp"),
        ("validate json", "data_validator_fastmcp"),
        ("validate_json", "data_validator_fastmcp"),
        ("github", "github_bridge"),
        ("GitHub", "github_bridge"),
        ("git hub", "github_bridge"),
        ("list issues", "github_bridge"),
        ("resizing", "image_service_fastmcp"),
        ("converted picture", "image_service_fastmcp"),
        ("repository", "code_analyzer_fastmcp"),
        ("analy", "code_analyzer_fastmcp"),
        ("data vali", "data_validator_fastmcp"),
        ("analizer", "code_analyzer_fastmcp"),
        ("valdiator", "data_validator_fastmcp"),
        ("reppository complexty", "code_analyzer_fastmcp"),
        ("a tool which can resize my pictures", "image_service_fastmcp"),
        ("cafe zurich", "cafe_zuerich"),
        ("CAFÉ", "cafe_zuerich"),
        ("the", "cafe_zuerich"),
    ],
)
async def test_a_member_is_found_by_words_in_any_spelling(question: str, first: str) -> None:
    async with text_index() as text:
        assert best(text, question)[:1] == [first]


async def test_a_name_counts_more_than_a_label_and_a_label_more_than_prose() -> None:
    places: dict[str, dict[str, Any]] = {
        "1_prose": {"description": "all about weather"},
        "2_label": {"tags": ["weather"]},
        "3_tool": {"tools": [tool("weather_now")]},
        "4_weather": {"description": "the name says it"},
    }
    async with text_index({member: {"name": member, **said} for member, said in places.items()}) as text:
        assert best(text, "weather") == ["4_weather", "3_tool", "2_label", "1_prose"]


async def test_who_is_named_exactly_so_comes_before_who_only_has_the_words() -> None:
    named = {member: {"name": member} for member in ("image", "image_a", "a_image_b")}
    async with text_index(named) as text:
        assert best(text, "image")[0] == "image"
        assert best(text, "image a")[0] == "image_a"


async def test_a_whole_word_counts_more_than_a_beginning() -> None:
    async with text_index({"b": {"name": "some data"}, "a": {"name": "some database"}}) as text:
        assert best(text, "data") == ["b", "a"]


async def test_mistyped_words_are_forgiven_only_when_nobody_has_them_right() -> None:
    async with text_index({"a": {"name": "a", "tags": ["form"]}, "b": {"name": "b", "tags": ["from", "farm"]}}) as text:
        assert best(text, "form") == ["a"]
        assert best(text, "fosm") == ["a"]


async def test_marks_on_letters_are_no_typing_mistakes() -> None:
    async with text_index() as text:
        assert list(next(text.readings("cafe zurich"))) == ["cafe_zuerich"]


async def test_words_that_say_nothing_are_not_looked_for() -> None:
    async with text_index() as text:
        assert best(text, "the resize of a") == ["image_service_fastmcp"]


async def test_all_words_are_wanted_and_any_of_them_only_when_nobody_has_all() -> None:
    async with text_index() as text:
        assert best(text, "code issues") == ["github_bridge"]
        assert set(best(text, "image validator")) >= {"image_service_fastmcp", "data_validator_fastmcp"}


async def test_of_several_words_the_rare_one_decides() -> None:
    common: dict[str, dict[str, Any]] = {f"m{number}": {"name": f"tool {number}"} for number in range(8)}
    async with text_index({**common, "rare": {"name": "other", "description": "pdf"}}) as text:
        assert best(text, "tool pdf")[0] == "rare"


async def test_scores_do_not_depend_on_what_was_there_before() -> None:
    async with text_index() as fresh, text_index() as used:
        for round_ in range(5):
            for member, manifest in MANIFESTS.items():
                used.put(member, {**manifest, "description": f"image code data {round_}"})
            used.put(f"passer_by_{round_}", {"name": "image code data"})
            await used.settled()
            used.remove(f"passer_by_{round_}")
        for member, manifest in MANIFESTS.items():
            used.put(member, manifest)
        await used.settled()
        for question in ("image", "code data", "data validator image names", "analizer imgae", "the"):
            assert list(used.readings(question)) == list(fresh.readings(question))


@pytest.mark.parametrize(
    "question",
    ['"', "'", "a AND", "title:x", "+-!(){}[]^~*?:\\/", "tags:[a TO", "code OR", "NOT", "\x00", "💥", "x" * 512],
)
async def test_no_text_is_an_error(question: str) -> None:
    async with text_index() as text:
        for scores in text.readings(question):
            assert isinstance(scores, dict)


async def test_marks_alone_find_nobody() -> None:
    async with text_index() as text:
        assert list(text.readings(" ?! ")) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=10))
def test_whatever_people_write_is_taken(questions: list[str]) -> None:
    async def ask_all() -> None:
        async with text_index() as text:
            for question in questions:
                for scores in text.readings(question):
                    assert set(scores) <= set(MANIFESTS)

    asyncio.run(ask_all())


def test_only_so_many_words_of_a_question_are_looked_at() -> None:
    asked = Fulltext().asked(" ".join(f"x_word_{number}" for number in range(60)))
    assert sum(len(one.parts) for one in asked.words) == MAX_WORDS
    assert all(one.parts for one in asked.words)


@pytest.mark.parametrize(("word", "edits"), [("cat", 0), ("code", 1), ("pattern", 1), ("analyzer", 2), ("sha256", 0)])
def test_longer_words_forgive_more(word: str, edits: int) -> None:
    assert distance(word) == edits


def test_a_rarer_word_weighs_more_and_weights_add_up_exactly() -> None:
    weights = [rarity(found, 1000) for found in (1000, 500, 100, 1)]
    assert weights == sorted(weights)
    assert weights[0] == 1.0
    assert all((4 * weight).is_integer() for weight in weights)
    assert rarity(0, 10) == 1.0
