"""The station that hears of lost connections: the server tells at once, long before a lease is over.

A lost connection alone condemns nobody. Whoever used it is asked a moment later, when a connection that was only cut is
there again, and only "nobody listens there" counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import orjson
import structlog

from bus import Bus, Instance, Message
from bus.messages import Status
from directory.index import Index
from directory.sweep import Sweep

LOST = "$SYS.ACCOUNT.*.DISCONNECT"
"""Where the server tells it, to the system account only."""
GRACE_S = 0.3
"""How long a connection that was only cut may take to be there again."""

log = structlog.get_logger(__name__)


class Partings:
    """Hears the server's own events on `system`, a connection of the system account."""

    def __init__(self, system: Bus, index: Index, sweep: Sweep, probe_s: float) -> None:
        self._system = system
        self._index = index
        self._sweep = sweep
        self._probe_s = probe_s

    def start(self) -> None:
        """Listen, as soon as that account lets us in; the federation works without."""
        self._system.listen(LOST, self._on_lost)
        self._system.open_later()

    async def stop(self) -> None:
        await self._system.close()

    def _on_lost(self, message: Message) -> None:
        name = connection_name(message.data)
        if name is not None:
            self._system.spawn(self._doubt(name))

    async def _doubt(self, name: str) -> None:
        await asyncio.sleep(GRACE_S)
        gone = list(self._whose(name))
        if gone:
            log.info("connection_lost", name=name, instances=len(gone))
        for who in gone:
            await self._sweep.doubt(who, self._probe_s)

    def _whose(self, name: str) -> Iterator[Instance]:
        """The active instances that a connection of that name may have served."""
        member = self._index.registry.get(name)
        for record in member.instances if member is not None else ():
            if record.status is Status.ACTIVE:
                yield record.who


def connection_name(event: bytes) -> str | None:
    """What comes last in the name of a lost connection of ours, `omega:<kind>/<name>`; None for any other."""
    try:
        told = orjson.loads(event)["client"]["name"]
        kind, slash, name = told.partition("/")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return name.partition("/")[0] if slash and kind.startswith("omega:") else None
