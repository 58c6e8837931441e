"""What a process that gives up said last."""

from __future__ import annotations

import pytest

from omega.supervisor.keeper import MAX_LAST_WORDS, last_words


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (b"starting\nomega: bus_unavailable: nobody\n", "bus_unavailable: nobody"),
        ("╭─ Error ───╮\n│ Unknown option: --prot.  │\n╰──────────╯\n".encode(), "Unknown option: --prot."),
        (b"said\n\n  \n", "said"),
        (b"", ""),
        (b"\xff\xfe broken", "�� broken"),
    ],
)
def test_the_last_line_that_says_something_is_kept(output: bytes, words: str) -> None:
    assert last_words(output) == words


def test_a_flood_is_cut() -> None:
    assert len(last_words(b"x" * 100_000)) == MAX_LAST_WORDS
