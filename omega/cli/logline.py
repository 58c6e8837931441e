"""One line of a process's log, as people like to read it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from rich.text import Text

from omega.cli.printable import printable
from omega.cli.words import LEVEL_STYLES

_NATS = re.compile(r"^\[\d+\] (\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d\.\d+) \[(\w{3})\] (.*)$")
_NATS_LEVELS = {"DBG": "debug", "TRC": "debug", "INF": "info", "WRN": "warning", "ERR": "error", "FTL": "critical"}
_HEAD = frozenset({"at", "level", "event", "logger", "exception"})


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line, understood as far as its form is known."""

    process: str
    text: str
    at: datetime | None = None
    level: str = ""
    trace: str = ""
    """The traceback that came with it, over several lines."""


def read_line(process: str, line: str) -> LogLine:
    """`line` of `process`: JSON of ours, a line of nats-server, or plain text."""
    if line.startswith("{"):
        try:
            return _ours(process, orjson.loads(line))
        except (orjson.JSONDecodeError, ValueError):
            return LogLine(process, line)
    if match := _NATS.match(line):
        year, month, day, clock, level, text = match.groups()
        return LogLine(process, text, _time(f"{year}-{month}-{day}T{clock}"), _NATS_LEVELS.get(level, ""))
    return LogLine(process, line)


def rendered(line: LogLine, *, width: int) -> Text:
    """The line for a terminal: time, process (padded to `width`), level, text."""
    clock = line.at.astimezone().strftime("%H:%M:%S") if line.at else " " * 8
    text = Text.assemble(
        (clock, "dim"), "  ", (f"{line.process:<{width}}", "cyan"), "  ", (f"{line.level:<7}", _style(line)), "  "
    )
    text.append(printable(line.text), style=_style(line))
    if line.trace:
        text.append(f"\n{printable(line.trace)}", style="dim")
    return text


def _ours(process: str, record: Mapping[str, Any]) -> LogLine:
    fields = "  ".join(f"{name}={_value(value)}" for name, value in record.items() if name not in _HEAD)
    event = str(record.get("event", ""))
    return LogLine(
        process,
        f"{event}  {fields}" if fields else event,
        _time(str(record.get("at", ""))),
        str(record.get("level", "")),
        str(record.get("exception", "")),
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _time(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None


def _style(line: LogLine) -> str:
    return LEVEL_STYLES.get(line.level, "")
