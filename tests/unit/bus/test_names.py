"""Names are checked before they become a subject, a key or a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidRequest
from bus.names import checked_instance, checked_member, checked_tool, is_id, token

HOSTILE = ["", "*", ">", "a.b", "a b", "a\n", "a\r\nPUB x", "ä", "а", "x" * 65, "../etc", "a/b", "$SYS", "\x00"]


@pytest.mark.parametrize("value", HOSTILE)
def test_what_could_mean_more_than_one_name_is_no_id(value: str) -> None:
    assert not is_id(value)
    with pytest.raises(InvalidRequest, match="id: 1 to 64"):
        checked_member(value)


@pytest.mark.parametrize("value", ["a", "A-b_9", "x" * 64, "-", "_"])
def test_letters_digits_underscore_and_dash_are_an_id(value: str) -> None:
    assert checked_member(value) == value


def test_no_instance_is_named_any() -> None:
    with pytest.raises(InvalidRequest, match="any"):
        checked_instance("any")


def test_a_refusal_shows_a_long_name_shortened() -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_member("x" * 5_000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("value", ["", "x" * 129, "a\nb", "\x1b[31m"])
def test_a_tool_name_is_short_and_printable(value: str) -> None:
    with pytest.raises(InvalidRequest, match="tool"):
        checked_tool(value)


@given(st.text(min_size=1, max_size=200))
def test_a_name_travels_as_itself_or_as_one_safe_token(name: str) -> None:
    travelled = token(name)
    assert travelled in (name, "_")
    assert not set(travelled) & set(" .*>\r\n\t")
