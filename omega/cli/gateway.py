"""`gateway`: the HTTP face, in this process."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from gateway import AccessSettings, GatewaySettings
from omega.cli.errors import naming_errors
from omega.cli.reach import Reach
from omega.processes.gateway import serve_gateway
from omega.processes.life import serve, set_up_logs

_DEFAULT_REACH = Reach()


def gateway(
    *,
    host: str | None = None,
    port: int | None = None,
    public_url: str | None = None,
    authentication: Literal["none", "required"] | None = None,
    open_to_the_network_without_authentication: Annotated[bool, Parameter(negative="")] = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Run one gateway.

    Further settings (doors, limits, origins, TLS, OAuth, client certificates) are read from OMEGA_GATEWAY_… in the
    environment. SIGTERM or Ctrl-C ends it, after the requests in flight.

    Parameters
    ----------
    host
        Address to listen on; loopback when unset.
    port
        Port to listen on; 9405 when unset.
    public_url
        The base URL by which clients reach it, when that is not the address it listens on.
    authentication
        required: nothing but health is answered without an API key, an access token or a client certificate.
    open_to_the_network_without_authentication
        Listen beyond loopback and ask nobody who it is: everyone on that network may do everything.
    """
    set_up_logs(os.environ)
    with naming_errors():
        named: dict[str, Any] = {"host": host, "port": port, "public_url": public_url}
        settings = GatewaySettings(**{name: value for name, value in named.items() if value is not None})
        access = AccessSettings(**_access(authentication, open_to_the_network_without_authentication))
        serve(serve_gateway(reach.settings(), settings, access))


def _access(authentication: str | None, open_to_all: bool) -> dict[str, Any]:
    told: dict[str, Any] = {} if authentication is None else {"authentication": authentication}
    return {**told, **({"open_to_the_network_without_authentication": True} if open_to_all else {})}
