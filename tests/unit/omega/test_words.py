"""Small pieces of text that several commands show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omega.cli.printable import printable
from omega.cli.words import PHASE_STYLES, age, duration, first_sentence, shown, signature
from omega.state import Phase

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m00s"), (185, "3m05s"), (3600, "1h00m"), (7620, "2h07m"),
        (86_400, "1d00h"), (356_400, "4d03h"),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_age_counts_from_the_stamp() -> None:
    assert age((NOW - timedelta(seconds=65)).isoformat(), NOW) == "1m05s ago"


def test_a_stamp_without_a_zone_is_taken_as_utc() -> None:
    assert age("2026-11-22T11:59:50", NOW) == "10s ago"


def test_what_is_no_stamp_stays_as_it_is() -> None:
    assert age("yesterday", NOW) == "yesterday"


@pytest.mark.parametrize("evil", ["\x1b[31mred", "a\x07b", "a\rb", "\x9b31m", "tab\tbed"])
def test_a_strangers_text_cannot_steer_the_terminal(evil: str) -> None:
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in printable(evil))


def test_line_breaks_stay() -> None:
    assert printable("a\nb") == "a\nb"


def test_a_strangers_markup_is_shown_as_text() -> None:
    assert shown("[red]x[/red]").plain == "[red]x[/red]"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Adds.", "Adds."),
        ("Adds two\nnumbers. And more.", "Adds two numbers."),
        ("One paragraph\n\nanother", "One paragraph"),
        ("  ", ""),
        (None, ""),
    ],
)
def test_a_description_is_told_by_its_first_sentence(text: Any, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_a_signature_marks_what_may_be_left_out() -> None:
    schema = {
        "required": ["url"],
        "properties": {
            "url": {"type": "string"},
            "depth": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "mode": {"enum": ["fast", "deep"]},
            "more": {},
            "kinds": {"type": ["string", "null"]},
            "odd": True,
        },
    }
    assert signature({"name": "t", "inputSchema": schema}) == (
        "url: string, depth?: integer|null, mode?: fast|deep, more?: any, kinds?: string|null, odd?: any"
    )


def test_a_tool_without_a_schema_has_no_arguments() -> None:
    assert signature({"name": "t"}) == ""


def test_every_phase_has_a_style() -> None:
    assert set(PHASE_STYLES) == set(Phase)
