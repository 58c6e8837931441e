"""The audit trail: what changed and what was refused, published where the events stream captures it."""

from __future__ import annotations

import time
from typing import Any

import structlog

from bus import codec
from bus.connection import Bus
from bus.errors import Disconnected
from bus.masking import masked_value
from bus.messages import EventKind
from bus.subjects import Instance

UNNAMED = "_"
"""Stands for the member in the subject of an event about something that named none."""

log = structlog.get_logger(__name__)


class Trail:
    """Publishes events. Losing one never fails the work it tells of."""

    def __init__(self, bus: Bus, source: str) -> None:
        self._bus = bus
        self._source = source

    def tell(self, kind: EventKind, who: Instance | None, **facts: Any) -> None:
        """Publish `{"kind", "member", "instance", "at", "source", …facts}`; `at` is RFC 3339, UTC.

        Secrets of a known form are hidden in `facts`.
        """
        event = {
            "kind": kind,
            "member": who.member if who else None,
            "instance": who.instance if who else None,
            "at": rfc3339(time.time()),
            "source": self._source,
            **{name: masked_value(fact) for name, fact in facts.items() if fact is not None},
        }
        log.info(kind.value, **{key: value for key, value in event.items() if key not in ("kind", "at")})
        try:
            self._bus.send(self._bus.subjects.event(kind, who.member if who else UNNAMED), codec.encode(event))
        except Disconnected:
            log.warning("event_not_sent", kind=kind.value)


def rfc3339(moment: float) -> str:
    """Unix seconds as `2026-01-31T12:00:00.123Z`."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{whole}.{int(moment * 1000) % 1000:03d}Z"
