"""Logs of a process: one line per event on stderr, JSON for machines or coloured for people.

Records of the standard library (nats, aiohttp, asyncio) go through the same renderer, so a process has one form of
log whoever wrote it. Values are fields, never part of the message: `log.info("registered", member="a")`. Whatever a
line was made of, secrets of a known form are hidden in it as the last step.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from json import dumps
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bus.masking import HIDDEN, is_secret_name, masked

LEVELS = ("debug", "info", "warning", "error")


def configure_logs(level: str = "info", *, json: bool, stream: TextIO = sys.stderr) -> None:
    """Send every log of this process to `stream`, from `level` up. Called once, by the process's outermost code.

    Raises ValueError: `level` is not one of `LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"log level {level!r}: one of {', '.join(LEVELS)}")
    threshold = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(json=json, colors=stream.isatty()))
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    structlog.configure(
        # Our own lines skip the standard library's machinery: a line for every HTTP request must cost little.
        processors=[*_shared(), *_rendering(json=json, colors=stream.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *names: Lines(stream, *names),
        cache_logger_on_first_use=True,
    )


class Lines:
    """The end of every line of ours: written at once and whole. A stream that takes none is no reason to fail."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        self.name = name
        self._stream = stream

    def line(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(f"{text}\n")
            self._stream.flush()

    debug = info = warning = error = critical = line


def _shared() -> list[Processor]:
    """What every record gets, ours and foreign."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _add_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _formatter(*, json: bool, colors: bool) -> logging.Formatter:
    """For the records of others."""
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(json=json, colors=colors)]
    return structlog.stdlib.ProcessorFormatter(
        processors=last, foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()]
    )


def _rendering(*, json: bool, colors: bool) -> list[Processor]:
    if json:
        text: Processor = structlog.processors.JSONRenderer(_to_json)
        return [structlog.processors.format_exc_info, _event_first, text, _without_secrets]
    # Colours come between a field's name and its value, so that the text no longer tells what the value is.
    # A traceback for people would show local variables, and with them whatever they hold: this one does not.
    text = structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
    )
    return [_without_secret_fields, text, _without_secrets]


def _without_secret_fields(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {key: HIDDEN if isinstance(value, str) and is_secret_name(key) else value for key, value in event.items()}


def _without_secrets(_logger: WrappedLogger, _name: str, line: Any) -> str:
    """The finished line: tracebacks and nested values included, and for one look at the text."""
    return masked(str(line))


def _add_name(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")  # one of the standard library's
    event["logger"] = logger.name if record is None else record.name
    return event


def _event_first(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """A fixed order of the fields every line has, so that a person can read down a column."""
    head = {key: event.pop(key) for key in ("at", "level", "event", "logger") if key in event}
    return {**head, **event}


def _to_json(value: Any, **_options: Any) -> str:
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # a lone surrogate or an integer beyond 64 bits: rare, and no reason to lose a line
        return dumps(value, default=repr)
