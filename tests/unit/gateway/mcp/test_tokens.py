"""A session token says what was sealed into it, to whoever has the key, until its time is over; nothing else passes."""

from __future__ import annotations

import base64
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import InvalidRequest
from gateway.mcp.front.tokens import MAX_TOKEN, Seal, Session

NOW = 1_000_000
KEY = b"sixteen bytes at least"
SESSION = Session(
    id="aa11",
    version="2025-11-25",
    capabilities={"elicitation": {}},
    client_info={"name": "client", "version": "1"},
    endpoint="/servers/x/mcp?tag=a",
    expires=NOW + 60,
    principal="somebody",
)


def test_a_token_reads_back_as_its_session() -> None:
    assert Seal([KEY]).session(Seal([KEY]).token(SESSION), now=NOW) == SESSION


def test_a_token_is_a_header_value_of_visible_ascii() -> None:
    token = Seal([KEY]).token(SESSION)
    assert token.isascii() and token.isprintable() and " " not in token


def test_a_token_ends_with_its_time() -> None:
    token = Seal([KEY]).token(SESSION)
    assert Seal([KEY]).session(token, now=NOW + 59) is not None
    assert Seal([KEY]).session(token, now=NOW + 60) is None


def test_another_key_opens_nothing() -> None:
    assert Seal([b"another key of enough length"]).session(Seal([KEY]).token(SESSION), now=NOW) is None


def test_an_older_key_still_opens_while_it_is_listed() -> None:
    old = Seal([KEY]).token(SESSION)
    both = Seal([b"the newer key, first in the list", KEY])
    assert both.session(old, now=NOW) == SESSION
    assert Seal([KEY]).session(both.token(SESSION), now=NOW) is None


@given(st.integers(0), st.characters(min_codepoint=33, max_codepoint=126))
def test_no_character_can_be_changed(place: int, other: str) -> None:
    token = Seal([KEY]).token(SESSION)
    place %= len(token)
    if token[place] == other:
        return
    changed = token[:place] + other + token[place + 1 :]
    found = Seal([KEY]).session(changed, now=NOW)
    # The last character of base64 has bits that mean nothing; such a token says the same.
    assert found is None or (place == len(token) - 1 and found == SESSION)


def test_a_payload_cannot_be_given_another_ones_mac() -> None:
    token = Seal([KEY]).token(SESSION)
    form, _, mac = token.split(".")
    fields = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    forged = base64.urlsafe_b64encode(orjson.dumps([*fields[:-1], "root"])).rstrip(b"=").decode()
    assert Seal([KEY]).session(f"{form}.{forged}.{mac}", now=NOW) is None


@pytest.mark.parametrize("token", ["", ".", "..", "o1", "o1.", "o1..", "o1.e30.", "x" * 5_000, "é.é.é", "o1.e30.AAAA"])
def test_what_is_no_token_is_no_session(token: str) -> None:
    assert Seal([KEY]).session(token, now=NOW) is None


def test_client_info_too_large_for_a_header_is_refused() -> None:
    large = replace(SESSION, client_info={"name": "x" * MAX_TOKEN})
    with pytest.raises(InvalidRequest, match="4096 allowed"):
        Seal([KEY]).token(large)
