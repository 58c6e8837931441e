"""Which members a query means, in which order, and what a page of them holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidRequest
from bus.messages import ServersQuery, Status, ToolsQuery
from directory.query import Page, find, page_of, tools_page
from directory.registry import Registry
from tests.unit.directory.catalogue import MANIFESTS, text_index
from tests.unit.directory.samples import record, tool


class Readings:
    """Text search whose readings are written down."""

    def __init__(self, *readings: dict[str, float]) -> None:
        self._readings = readings

    def readings(self, text: str) -> Iterator[Mapping[str, float]]:
        return iter(self._readings)


NO_TEXT = Readings()


def federation() -> Registry:
    registry = Registry()
    members = [
        record("alpha", name="One", tags=["code", "fast"], capabilities=["repo.read"], version="1.0.0"),
        record("beta", name="two", tags=["code"], capabilities=["repo.read", "repo.write"], version="1.5.0-rc1"),
        record("gamma", name="Three", tags=["data", "fast"], version="2.0.0"),
        record("delta", name="four", tags=["code", "fast"], version="nightly", status=Status.STALE),
    ]
    for revision, member in enumerate(members, 1):
        registry.apply(member, revision)
    return registry


def found(registry: Registry, text: Readings = NO_TEXT, **wanted: Any) -> list[str]:
    return [member.id for member in find(registry, text, ServersQuery.model_validate(wanted))]


@pytest.mark.parametrize(
    ("wanted", "members"),
    [
        ({}, ["alpha", "gamma", "beta"]),
        ({"status": "any"}, ["delta", "alpha", "gamma", "beta"]),
        ({"status": "stale"}, ["delta"]),
        ({"tag": "code"}, ["alpha", "beta"]),
        ({"tag": ["code", "fast"]}, ["alpha"]),
        ({"tag": ["code", "fast"], "status": "any"}, ["delta", "alpha"]),
        ({"tag": "Code"}, []),
        ({"tag": "cod"}, []),
        ({"capability": "repo.read"}, ["alpha", "beta"]),
        ({"capability": ["repo.read", "repo.write"]}, ["beta"]),
        ({"tag": "fast", "capability": "repo.read"}, ["alpha"]),
        ({"without_tag": "fast"}, ["beta"]),
        ({"without_tag": ["fast", "code"], "status": "any"}, []),
        ({"tag": "code", "without_tag": "fast"}, ["beta"]),
        ({"without_tag": "unheard of"}, ["alpha", "gamma", "beta"]),
        ({"version": ">=1.0"}, ["alpha", "gamma"]),
        ({"version": "^1.5.0-rc1"}, ["beta"]),
        ({"version": "*", "status": "any"}, ["delta", "alpha", "gamma", "beta"]),
        ({"version": ">=1 <2", "tag": "code"}, ["alpha"]),
        ({"q": ""}, ["alpha", "gamma", "beta"]),
    ],
)
def test_every_condition_must_hold(wanted: dict[str, Any], members: list[str]) -> None:
    assert found(federation(), **wanted) == members


def test_an_unreadable_version_range_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="version"):
        found(federation(), version="newest")


def test_the_best_text_comes_first_and_equals_by_name() -> None:
    text = Readings({"beta": 1.0, "gamma": 2.0, "alpha": 1.0, "delta": 9.0, "departed": 9.0})
    assert found(federation(), text, q="words") == ["gamma", "alpha", "beta"]


def test_text_and_exact_conditions_hold_together() -> None:
    text = Readings({"beta": 1.0, "gamma": 2.0, "alpha": 1.0})
    assert found(federation(), text, q="words", tag="code") == ["alpha", "beta"]
    assert found(federation(), text, q="words", version="2.x") == ["gamma"]
    assert found(federation(), text, q="words", without_tag="fast") == ["beta"]


def test_a_looser_reading_is_taken_only_when_the_conditions_leave_nobody() -> None:
    text = Readings({"gamma": 2.0}, {"gamma": 1.0, "alpha": 0.5}, {"alpha": 0.1, "beta": 0.1})
    assert found(federation(), text, q="words") == ["gamma"]
    assert found(federation(), text, q="words", tag="code") == ["alpha"]
    assert found(federation(), text, q="words", capability="repo.write") == ["beta"]
    assert found(federation(), text, q="words", tag="unheard of") == []


async def test_real_text_ranks_real_members() -> None:
    registry = Registry()
    for revision, (member, said) in enumerate(MANIFESTS.items(), 1):
        registry.apply(record(member, **said), revision)
    async with text_index() as text:
        ranked = [member.id for member in find(registry, text, ServersQuery.model_validate({"q": "image"}))]
        tagged = [
            member.id for member in find(registry, text, ServersQuery.model_validate({"q": "image", "tag": "code"}))
        ]
    assert ranked == ["image_service_fastmcp", "github_bridge"]
    assert tagged == ["github_bridge"]


TAGS = st.lists(st.sampled_from(["red", "green", "blue"]), max_size=3)


@given(st.lists(st.tuples(TAGS, st.sampled_from([Status.ACTIVE, Status.STALE])), max_size=40), TAGS, TAGS)
def test_however_many_match_the_answer_is_that_of_a_search_by_hand(
    members: list[tuple[list[str], Status]], wanted: list[str], unwanted: list[str]
) -> None:
    registry = Registry()
    for number, (tags, status) in enumerate(members):
        registry.apply(record(f"m{number}", tags=tags, status=status, name=f"n{number % 7}"), number + 1)
    by_hand = [
        (f"n{number % 7}", f"m{number}")
        for number, (tags, status) in enumerate(members)
        if status is Status.ACTIVE and set(wanted) <= set(tags) and not set(unwanted) & set(tags)
    ]
    assert found(registry, tag=wanted, without_tag=unwanted) == [member for _, member in sorted(by_hand)]


@pytest.mark.parametrize(
    ("page", "limit", "items", "next_page"),
    [(1, 2, [0, 1], 2), (2, 2, [2, 3], 3), (3, 2, [4], None), (4, 2, [], None), (1, 5, [0, 1, 2, 3, 4], None)],
)
def test_a_page_is_a_part_of_the_list_and_names_the_next(
    page: int, limit: int, items: list[int], next_page: int | None
) -> None:
    part = page_of(range(5), ServersQuery.model_validate({"page": page, "limit": limit}))
    assert (list(part.items), part.total, part.next_page) == (items, 5, next_page)


def test_an_empty_list_has_one_empty_page() -> None:
    assert Page([], 0, 1, 50).numbers() == {"total": 0, "page": 1, "limit": 50, "next_page": None}


@given(st.integers(0, 30), st.integers(1, 12))
def test_the_pages_together_are_the_list(total: int, limit: int) -> None:
    page: int | None = 1
    seen: list[int] = []
    while page is not None:
        part = page_of(range(total), ServersQuery.model_validate({"page": page, "limit": limit}))
        seen += part.items
        page = part.next_page
    assert seen == list(range(total))


def tools_of(**asked: Any) -> tuple[list[tuple[str, str]], int]:
    registry = Registry()
    registry.apply(record("a", tools=[tool("one"), tool("two", "resizes pictures"), tool("three")]), 1)
    registry.apply(record("b", tools=[tool("four")]), 2)
    registry.apply(record("c"), 3)
    page = tools_page(registry.in_order(), ToolsQuery.model_validate(asked))
    return [(owner, entry["name"]) for owner, entry in page.items], page.total


def test_tools_are_paged_across_their_members() -> None:
    assert tools_of() == ([("a", "one"), ("a", "two"), ("a", "three"), ("b", "four")], 4)
    assert tools_of(page=2, limit=3) == ([("b", "four")], 4)
    assert tools_of(page=9) == ([], 4)


def test_of_a_members_tools_those_that_match_the_words_come_first() -> None:
    assert tools_of(q="resize picture") == ([("a", "two"), ("a", "one"), ("a", "three"), ("b", "four")], 4)
