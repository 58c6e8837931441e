"""The process of one gateway."""

from __future__ import annotations

import secrets

from bus import BusSettings
from gateway import CannotListen, Gateway, GatewaySettings
from omega.processes.life import announce_ready, connected, stop_signal, working
from omega.trouble import CannotStart


async def serve_gateway(settings: BusSettings, gateway_settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises Disconnected (no NATS at the start), CannotStart (the port is taken)."""
    stop = stop_signal()
    name = f"omega:gateway/{secrets.token_hex(4)}"
    try:
        async with connected(settings, name) as bus, working(Gateway(bus, gateway_settings)):
            announce_ready()
            await stop.wait()
    except CannotListen as exc:
        raise CannotStart(str(exc.strerror)) from exc
