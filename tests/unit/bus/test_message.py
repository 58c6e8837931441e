"""Headers to bytes and back, and what a reply says of a failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Busy, Internal, InvalidRequest, NoInstance
from bus.message import Message, encode_headers, parse_headers

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40).map(str.strip)


@given(st.dictionaries(NAMES, TEXTS, max_size=6))
def test_headers_survive_the_wire(values: dict[str, str]) -> None:
    assert dict(parse_headers(encode_headers(values))) == values


@given(st.binary(max_size=200))
def test_any_header_block_is_read(block: bytes) -> None:
    parse_headers(block)


def test_a_status_line_is_read() -> None:
    found = parse_headers(b"NATS/1.0 503 No Responders\r\n\r\n")
    assert (found["Status"], found["Description"]) == ("503", "No Responders")


def test_a_line_break_in_a_value_cannot_begin_a_header() -> None:
    assert dict(parse_headers(encode_headers({"A": "x\r\nOmega-Caller: admin"}))) == {"A": "x  Omega-Caller: admin"}


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä"])
def test_a_header_name_is_a_token(name: str) -> None:
    with pytest.raises(InvalidRequest):
        encode_headers({name: "x"})


def test_a_reply_without_error_headers_is_no_failure() -> None:
    assert Message("s", b"{}").failure("s") is None
    assert Message("s", b"{}", {"Content-Type": "application/json"}).failure("s") is None


def test_no_responders_is_nobody() -> None:
    assert isinstance(Message("s", b"", {"Status": "503"}).failure("s"), NoInstance)


def test_an_error_reply_is_its_leaf_and_an_unreadable_one_internal() -> None:
    sent = {"Nats-Service-Error-Code": "429", "Nats-Service-Error": "busy"}
    assert isinstance(Message("s", b'{"error":{"code":"busy","message":"m"}}', sent).failure("s"), Busy)
    assert isinstance(Message("s", b"\xff", sent).failure("s"), Internal)
