"""Logs of a process: one line per event on stderr, JSON for machines or coloured for people.

Records of the standard library (nats, aiohttp, asyncio) go through the same renderer, so a process has one form of
log whoever wrote it. Values are fields, never part of the message: `log.info("registered", member="a")`.
"""

from __future__ import annotations

import logging
import sys
from json import dumps
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

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
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _shared() -> list[Processor]:
    """What every record gets, ours and foreign."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _formatter(*, json: bool, colors: bool) -> logging.Formatter:
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if json:
        last += [structlog.processors.format_exc_info, _event_first, structlog.processors.JSONRenderer(_to_json)]
    else:
        last += [structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="at")]
    foreign: list[Processor] = [*_shared(), structlog.stdlib.ExtraAdder()]
    return structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=foreign)


def _event_first(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """A fixed order of the fields every line has, so that a person can read down a column."""
    head = {key: event.pop(key) for key in ("at", "level", "event", "logger") if key in event}
    return {**head, **event}


def _to_json(value: Any, **_options: Any) -> str:
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # a lone surrogate or an integer beyond 64 bits: rare, and no reason to lose a line
        return dumps(value, default=repr)
