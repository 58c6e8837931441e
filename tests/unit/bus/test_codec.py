"""JSON and MessagePack, told apart by content type and bounded in depth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import codec
from bus.errors import Malformed, UnsupportedMedia

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([codec.JSON, codec.MSGPACK]))
def test_what_is_encoded_is_decoded(value: Any, form: str) -> None:
    assert codec.decode(codec.encode(value, form), form) == value


@given(st.binary(max_size=200), st.sampled_from([codec.JSON, codec.MSGPACK]))
def test_any_bytes_are_a_value_or_malformed(data: bytes, form: str) -> None:
    try:
        codec.decode(data, form)
    except Malformed as exc:
        assert exc.code == "malformed"


@pytest.mark.parametrize(
    ("header", "form"),
    [
        (None, codec.JSON),
        ("application/json; charset=utf-8", codec.JSON),
        ("APPLICATION/JSON", codec.JSON),
        ("application/msgpack", codec.MSGPACK),
        ("application/x-msgpack", codec.MSGPACK),
        ("application/vnd.msgpack", codec.MSGPACK),
    ],
)
def test_the_content_type_names_the_form(header: str | None, form: str) -> None:
    assert codec.content_type(header) == form


def test_a_foreign_content_type_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedMedia, match="application/xml"):
        codec.content_type("application/xml")


@pytest.mark.parametrize("levels", [33, 100, 1_000, 100_000])
@pytest.mark.parametrize("form", [codec.JSON, codec.MSGPACK])
def test_a_deep_body_is_refused(levels: int, form: str) -> None:
    data = b"[" * levels + b"]" * levels if form == codec.JSON else b"\x91" * levels + b"\xc0"
    with pytest.raises(Malformed):
        codec.decode(data, form)


def test_exactly_the_limit_is_taken() -> None:
    assert codec.within_depth([[[1]]], 3)
    assert not codec.within_depth([[[1]]], 2)
    assert codec.within_depth({"a": {"b": 1}}, 2)


def test_an_empty_body_is_an_empty_object() -> None:
    assert codec.decode_object(b"") == {}


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"null"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="not an object"):
        codec.decode_object(data)


def test_messagepack_names_must_be_text() -> None:
    with pytest.raises(Malformed):
        codec.decode_object(b"\x81\x01\x02", codec.MSGPACK)
