"""Unix time that never jumps: leases must not end because somebody set the clock."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Gives Unix seconds."""


def steady_clock() -> Clock:
    """The wall clock as it stood when this was called, carried on by the monotonic one."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()
