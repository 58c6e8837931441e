"""How many connections are held open: at the limit the one that waited longest without a request makes room.

So whoever opens thousands and says nothing keeps nobody out: he only closes his own. A connection that has a request
in hand is never closed for another; where all have, a new one is turned away.
"""

from __future__ import annotations

import resource
from collections import OrderedDict
from typing import Protocol

import structlog

RESERVE = 256
"""Files that the rest of the process may open: the bus, Redis, logs, certificates."""
LEAST = 64
LOOKED_AT = 64
"""Connections looked at, the oldest first, for one that does nothing."""
TELL_EVERY = 1_000

log = structlog.get_logger(__name__)


class Guest(Protocol):
    """A connection as this sees it."""

    @property
    def idle(self) -> bool:
        """No request of it is in hand."""
        ...

    def force_close(self) -> None: ...


class Crowd:
    """The connections of one port."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._guests: OrderedDict[Guest, None] = OrderedDict()
        self._closed = 0

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, guest: Guest) -> None:
        """A connection was made; at the limit one is closed for it, or it is closed itself."""
        if len(self._guests) >= self.most:
            self._make_room(guest)
        self._guests[guest] = None

    def leave(self, guest: Guest) -> None:
        self._guests.pop(guest, None)

    def _make_room(self, guest: Guest) -> None:
        leaving = self._longest_idle() or guest
        if self._closed % TELL_EVERY == 0:
            log.warning("too_many_connections", limit=self.most, closed_before=self._closed)
        self._closed += 1
        self._guests.pop(leaving, None)
        leaving.force_close()

    def _longest_idle(self) -> Guest | None:
        """The oldest idle one; None where those looked at are busy."""
        for _ in range(min(LOOKED_AT, len(self._guests))):
            oldest = next(iter(self._guests))
            if oldest.idle:
                return oldest
            self._guests.move_to_end(oldest)
        return None


def room(wanted: int) -> int:
    """`wanted` connections, or as many as the files that this process may open leave room for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, max(LEAST, files - RESERVE))
