"""The process that adopts members which registered over HTTP."""

from __future__ import annotations

import asyncio

from bus import BusSettings
from bus.trust.rights import LOCAL, Identity, Role
from members.adapters.adoption import Adopter, AdopterSettings
from omega.processes.life import announce_ready, connected, stop_signal
from omega.waiting import first_of


async def serve_adopter(settings: BusSettings, adopter_settings: AdopterSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises Disconnected (no NATS at the start)."""
    stop = stop_signal()
    async with connected(settings, f"omega:adopter/{adopter_settings.name}", Identity(Role.ADOPTER, LOCAL)) as bus:
        adopting = asyncio.create_task(Adopter(bus, adopter_settings).run())
        announce_ready()
        try:
            await first_of(stop.wait(), asyncio.shield(adopting))
        finally:
            adopting.cancel()
            await asyncio.gather(adopting, return_exceptions=True)
