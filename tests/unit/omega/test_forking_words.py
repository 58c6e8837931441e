"""What a supervisor and its fork server say to each other arrives as it was meant."""

from __future__ import annotations

import pytest

from omega.supervisor.forking.words import MAX_BYTES, Born, Ended, Refused, Wanted, Word, read, written

WORDS = (
    Wanted(["gateway", "--port", "9405"], {"OMEGA_PREFIX": "omega", "ODD": 'a "quoted" ünïcode\nline'}),
    Born(7),
    Refused("no more processes"),
    Refused("others by now", stale=True),
    Ended(7, -9),
)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_read_as_it_was_written(word: Word) -> None:
    assert read(written(word)) == word


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b"x", b'["Born", {}]', b'["Born", {"pid": 1, "more": 2}]', b'["New", {}]']
)
def test_a_word_of_another_version_is_told_from_ours(data: bytes) -> None:
    with pytest.raises(ValueError):
        read(data)


def test_a_word_too_large_for_one_message_is_not_sent() -> None:
    with pytest.raises(OSError, match=f"{MAX_BYTES} at most"):
        written(Wanted(["member"], {"HUGE": "x" * MAX_BYTES}))
