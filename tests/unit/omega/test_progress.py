"""What a tool tells while it works, and what the audit trail tells, as lines."""

from __future__ import annotations

from typing import Any

import pytest

from omega.cli.progress import told
from omega.cli.watch import event_line


def progress(**params: Any) -> dict[str, Any]:
    return {"method": "notifications/progress", "params": params}


@pytest.mark.parametrize(
    ("notification", "line"),
    [
        (progress(progress=1, total=4, message="cloning"), "    25%  cloning"),
        (progress(progress=7, total=4), "   100%"),
        (progress(progress=3, message="files"), "      3  files"),
        (progress(progress=3, total=0), "      3"),
        ({"method": "notifications/message", "params": {"level": "warning", "data": "odd"}}, "warning  odd"),
        ({"method": "notifications/tools/list_changed", "params": {}}, ""),
        ({"method": "notifications/progress"}, ""),
    ],
)
def test_a_notification_is_one_line(notification: dict[str, Any], line: str) -> None:
    assert told(notification) == line


def test_a_tools_words_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in told(progress(progress=1, total=2, message="\x1b[2J"))


def test_an_event_is_when_what_who_and_the_rest() -> None:
    event = {
        "kind": "registered",
        "member": "weather",
        "instance": "one",
        "at": "2026-11-22T11:07:00.123Z",
        "version": "1.2.0",
    }
    assert event_line(event).plain == "11:07:00  registered   weather/one  version=1.2.0"


def test_an_event_that_says_little_is_a_line_too() -> None:
    assert event_line({"kind": "rejected"}).plain.split() == ["rejected"]
