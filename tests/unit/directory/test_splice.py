"""Bytes put together are what encoding the whole would give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.codec import JSON, MSGPACK, decode, encode
from directory.splice import closed, listing, opened

forms = st.sampled_from([JSON, MSGPACK])
values = st.one_of(st.none(), st.booleans(), st.integers(-5, 70_000), st.text(max_size=5), st.lists(st.integers(0, 9)))
own = st.dictionaries(st.text(min_size=1, max_size=4).map(lambda name: "own" + name), values, max_size=20)
live = st.dictionaries(st.text(max_size=4).map(lambda name: "live" + name), st.booleans(), min_size=1, max_size=20)


@given(own, live, forms)
def test_an_object_closed_later_is_the_whole_object(first: dict[str, Any], last: dict[str, Any], form: str) -> None:
    assert closed(opened(first, len(last), form), last, form) == encode({**first, **last}, form)


@given(st.lists(own, max_size=20), live, forms)
def test_a_listing_is_the_list_and_what_follows(items: list[dict[str, Any]], more: dict[str, Any], form: str) -> None:
    joined = listing("items", [encode(item, form) for item in items], more, form)
    assert joined == encode({"items": items, **more}, form)


@pytest.mark.parametrize("count", [0, 15, 16, 65_535, 65_536])
@pytest.mark.parametrize("form", [JSON, MSGPACK])
def test_lists_of_every_length_are_read_back(count: int, form: str) -> None:
    joined = listing("items", [encode(1, form)] * count, {"total": count}, form)
    assert decode(joined, form) == {"items": [1] * count, "total": count}
