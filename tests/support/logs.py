"""Logs as they were before a test set them up: what it changed reaches no other test of the same process."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog._config import BoundLoggerLazyProxy


@contextmanager
def own_logs() -> Iterator[None]:
    """Whatever is set up inside is undone, also in loggers that kept it with their first line."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        logging.basicConfig(handlers=[], force=True)
        _forget_what_loggers_kept()


def _forget_what_loggers_kept() -> None:
    for logger in gc.get_objects():
        if type(logger) is BoundLoggerLazyProxy:
            vars(logger).pop("bind", None)
