"""The process of one gateway."""

from __future__ import annotations

import secrets

from bus import BusSettings
from bus.trust.rights import LOCAL, Identity, Role
from gateway import AccessSettings, CannotListen, CannotServeTls, Gateway, GatewaySettings, Unprotected
from omega.processes.life import announce_ready, connected, stop_signal, working
from omega.trouble import CannotStart


async def serve_gateway(
    settings: BusSettings, gateway_settings: GatewaySettings, access: AccessSettings | None = None
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises Disconnected (no NATS at the start), CannotStart (the port is taken, TLS cannot be served, or everybody on a
    network would be let in and nobody said that this is meant).
    """
    stop = stop_signal()
    name = f"omega:gateway/{secrets.token_hex(4)}"
    try:
        async with (
            connected(settings, name, Identity(Role.GATEWAY, LOCAL)) as bus,
            working(Gateway(bus, gateway_settings, access)),
        ):
            announce_ready()
            await stop.wait()
    except CannotListen as exc:
        raise CannotStart(str(exc.strerror)) from exc
    except (Unprotected, CannotServeTls) as exc:
        raise CannotStart(str(exc)) from exc
