"""How quickly instances answer, measured when `select` needs to know; an answer counts for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from bus import Bus, Instance
from bus.errors import FederationError

PROBE_S = 0.25
"""How long an instance may take to answer before its response time counts as unknown."""
REMEMBERED_S = 10.0


class ResponseTimes:
    """Measured round trips to instances, in seconds; each is good for ten seconds."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: dict[Instance, tuple[float, float | None]] = {}

    async def of(self, instances: list[Instance]) -> Mapping[Instance, float | None]:
        """The response time of each; None where none came in time (a member over HTTP has none on the bus)."""
        now = time.monotonic()
        self._known = {who: known for who, known in self._known.items() if now - known[0] < REMEMBERED_S}
        unknown = [who for who in instances if who not in self._known]
        for who, taken in zip(unknown, await asyncio.gather(*map(self._measure, unknown)), strict=True):
            self._known[who] = (now, taken)
        return {who: self._known[who][1] for who in instances}

    async def _measure(self, who: Instance) -> float | None:
        started = time.perf_counter()
        try:
            await self._bus.request(self._bus.subjects.ping(who), b"", timeout=PROBE_S)
        except FederationError:
            return None
        return time.perf_counter() - started
