"""A few words find the tool they mean."""

from __future__ import annotations

import pytest

from gateway.mcp.federation.toolsearch import ToolSearch
from gateway.mcp.federation.words import words_of
from tests.unit.gateway.federation.samples import offer


def tool(name: str, description: str) -> dict[str, object]:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}}


OFFERS = [
    offer("studio", tool("resize", "Change the size of a picture"), tool("rotate", "Turn a picture"), tags=["image"]),
    offer("ledger", tool("convertCurrency", "Exchange money"), tool("post_invoice", "Book an invoice"), tags=["money"]),
    offer("weather", tool("forecast", "Tell the weather of a city"), tool("history", "Past weather, by city")),
]
ALL = {"studio", "ledger", "weather"}


@pytest.fixture
def search() -> ToolSearch:
    search = ToolSearch()
    for one in OFFERS:
        search.add(one)
    return search


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("resize", "studio__resize"),
        ("change the size of pictures", "studio__resize"),
        ("resise", "studio__resize"),
        ("convert currency", "ledger__convertCurrency"),
        ("invoices", "ledger__post_invoice"),
        ("forecasting", "weather__forecast"),
        ("money exchange", "ledger__convertCurrency"),
    ],
)
def test_the_right_tool_comes_first(search: ToolSearch, query: str, best: str) -> None:
    assert search.find(query, [], ALL, 5)[0].tool.name == best


def test_a_member_that_the_directory_favours_is_found_without_a_word_in_common(search: ToolSearch) -> None:
    assert {one.tool.member for one in search.find("rain", ["weather"], ALL, 5)} == {"weather"}
    assert search.find("rain", [], ALL, 5) == []


def test_only_wanted_members_are_found(search: ToolSearch) -> None:
    assert search.find("resize", ["studio"], {"ledger"}, 5) == []


def test_what_was_removed_is_not_found(search: ToolSearch) -> None:
    for one in OFFERS:
        search.remove(one)
    assert search.find("resize forecast", ["studio"], ALL, 5) == []
    assert (len(search), search._postings) == (0, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parseHTMLPage2", ["parse", "html", "page", "2"]),
        ("list_all-Queries", ["list", "all", "query"]),
        ("the images of classes", ["image", "classe"]),
        ("größe Größe 画像", ["größe", "画像"]),
        ("", []),
    ],
)
def test_a_text_is_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words
