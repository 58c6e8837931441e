"""One line of a process's log, as people like to read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from omega.cli.logline import LogLine, read_line, rendered


def test_a_line_of_ours_is_event_and_fields() -> None:
    record = {"at": "2026-11-22T10:48:30.351960Z", "level": "info", "event": "listening", "logger": "g", "port": 9405}
    line = read_line("gateway", json.dumps({**record, "doors": {"a": 1}}))
    assert line == LogLine(
        "gateway", 'listening  port=9405  doors={"a":1}', datetime(2026, 11, 22, 10, 48, 30, 351960, UTC), "info"
    )


def test_a_traceback_is_kept_apart() -> None:
    line = read_line("gateway", '{"level":"error","event":"boom","exception":"Traceback…\\n  File"}')
    assert (line.text, line.trace) == ("boom", "Traceback…\n  File")
    assert rendered(line, width=8).plain.endswith("boom\nTraceback…\n  File")


@pytest.mark.parametrize(
    ("short", "level"), [("INF", "info"), ("WRN", "warning"), ("ERR", "error"), ("FTL", "critical")]
)
def test_a_line_of_nats_is_understood(short: str, level: str) -> None:
    line = read_line("nats", f"[812] 2026/11/22 10:45:34.172981 [{short}] Server is ready")
    assert (line.level, line.text) == (level, "Server is ready")
    assert line.at is not None
    assert (line.at.hour, line.at.microsecond) == (10, 172981)


@pytest.mark.parametrize("text", ["plain words", "{not json", '{"at": ', "[1] a nats line without a date", ""])
def test_anything_else_is_shown_as_it_is(text: str) -> None:
    assert read_line("x", text) == LogLine("x", text)


def test_a_date_that_is_none_costs_the_time_and_not_the_line() -> None:
    line = read_line("nats", "[1] 2026/13/45 10:45:34.1 [INF] odd date")
    assert (line.at, line.text) == (None, "odd date")


def test_the_columns_stand_below_each_other() -> None:
    short = rendered(LogLine("a", "text", None, "info"), width=9).plain
    long = rendered(LogLine("directory", "text", None, "warning"), width=9).plain
    assert short.index("text") == long.index("text")


def test_what_a_stranger_got_into_a_log_cannot_steer_the_terminal() -> None:
    line = read_line("gateway", '{"event":"rejected","name":"\\u001b[2J"}')
    assert "\x1b" not in rendered(line, width=8).plain
