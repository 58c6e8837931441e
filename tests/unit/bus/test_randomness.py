"""Tokens are of the length asked for, and no two are the same."""

from __future__ import annotations

from bus.randomness import Tokens


def test_a_token_is_so_many_bytes_in_hex_and_never_comes_again() -> None:
    tokens = Tokens(12)
    drawn = [tokens.next() for _ in range(2_000)]
    assert {len(bytes.fromhex(token)) for token in drawn} == {12}
    assert len(set(drawn)) == len(drawn)


def test_two_sources_give_different_ones() -> None:
    assert Tokens(8).next() != Tokens(8).next()
