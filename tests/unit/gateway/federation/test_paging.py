"""Pages cover a list once, whatever joins or leaves between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidRequest
from gateway.mcp.federation.paging import START, Group, Limits, Place, cut, read, written

LISTS = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 5), max_size=8)


def groups(sizes: dict[str, int]) -> list[Group]:
    return [Group(id, [f"{id}{n}".encode() for n in range(size)]) for id, size in sorted(sizes.items())]


@given(LISTS, st.integers(1, 6), st.integers(1, 30))
def test_pages_together_are_the_list(sizes: dict[str, int], items: int, size: int) -> None:
    whole = groups(sizes)
    found: list[bytes] = []
    place: Place | None = START
    while place is not None:
        page = cut(whole, place, Limits(items, size))
        assert len(page.items) <= items
        assert page.items or page.next is None
        found += page.items
        place = read("tools", written("tools", page.next)) if page.next else None
    assert found == [item for group in whole for item in group.items]


def test_who_joins_or_leaves_between_pages_hides_and_repeats_nothing_of_the_others() -> None:
    first = cut(groups({"b": 3, "d": 3, "f": 3}), START, Limits(4, 1000))
    assert first.next == Place("d", 1)
    rest = cut(groups({"a": 3, "d": 3, "e": 1, "f": 3}), first.next, Limits(100, 1000))
    assert rest.items == [b"d1", b"d2", b"e0", b"f0", b"f1", b"f2"]
    gone = cut(groups({"a": 3, "f": 3}), first.next, Limits(100, 1000))
    assert gone.items == [b"f0", b"f1", b"f2"]


ANOTHER_LISTS = written("prompts", Place("a", 1))
NOWHERE = written("tools", Place("a", -1))


@pytest.mark.parametrize("cursor", ["", "x", "é", 7, [], "W10", "a" * 600, ANOTHER_LISTS, NOWHERE])
def test_a_cursor_of_something_else_is_refused(cursor: object) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        read("tools", cursor)


def test_no_cursor_is_the_start() -> None:
    assert read("tools", None) == START
