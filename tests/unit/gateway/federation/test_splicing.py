"""One value of a JSON text is replaced, and every other byte stays."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mcp.federation.splicing import raw, replaced, span

PATH = ("params", "name")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON, st.text(), st.text(), st.sampled_from([None, 1]), st.booleans(), st.booleans())
def test_only_the_value_changes(
    first: Any, last: Any, old: str, new: str, indent: int | None, ascii: bool, name_last: bool
) -> None:
    named = {"name": old}
    rest = {"arguments": {"name": first, "params": last}, "_meta": first}
    message = {
        "a": last,
        "params": {**rest, **named} if name_last else {**named, **rest},
        "name": "not this",
        "z": first,
    }
    text = json.dumps(message, indent=indent, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    if b"\xed\xa0" in text or b"\\ud" in text:
        return
    place = span(text, PATH)
    assert place is not None and orjson.loads(text[slice(*place)]) == old
    told = replaced(text, message, PATH, new)
    assert told == text[: place[0]] + orjson.dumps(new) + text[place[1] :]
    assert orjson.loads(told) == {**message, "params": {**message["params"], "name": new}}


def test_numbers_stay_as_they_were_spelled() -> None:
    text = b'{"params":{"arguments":{"n":12345678901234567890123,"x":1.00,"e":1E2},"name":"a"}}'
    assert replaced(text, orjson.loads(text), PATH, "b") == text.replace(b'"a"', b'"b"')
    assert raw(text, orjson.loads(text), ("params", "arguments")) == b'{"n":12345678901234567890123,"x":1.00,"e":1E2}'


@pytest.mark.parametrize(
    "text",
    [
        b'{"params":{"name":"x","name":"a"}}',
        b'{"params":{"n\\u0061me":"a"}}',
        b'{"params":{"name":"a"},"params":{"name":"b"}}',
        b'{"params":[],"params":{"name":"a"}}',
    ],
)
def test_a_text_that_says_it_twice_or_oddly_is_replaced_as_decoders_read_it(text: bytes) -> None:
    told = orjson.loads(replaced(text, orjson.loads(text), PATH, "new"))
    assert told == {"params": {"name": "new"}}


@pytest.mark.parametrize("text", [b"1", b"[]", b"{}", b'{"params":1}', b'{"params":["name",1]}', b'{"params":{}}'])
def test_what_is_not_there_is_not_found(text: bytes) -> None:
    assert span(text, PATH) is None


def test_a_large_body_is_searched_without_reading_it_all() -> None:
    text = b'{"params":{"arguments":{"text":"' + b"x\\n" * 1_000_000 + b'"},"name":"a"}}'
    assert replaced(text, orjson.loads(text), PATH, "b").endswith(b'"name":"b"}}')
    far = b'{"params":{"arguments":[' + b"1," * 50_000 + b'1],"name":"a"}}'
    assert span(far, PATH) is None
    assert orjson.loads(replaced(far, orjson.loads(far), PATH, "b"))["params"]["name"] == "b"
