"""The gateway: the federation's HTTP face. It translates; it decides nothing that the bus or the directory decides.

Read in the order a request meets them:

`settings`                 what an operator may set, with its consequences
`listening`                a port: bind, serve, drain
`requests`, `guards`       around every request: id, Host and Origin, one error shape, log line, metrics
`access`                   who asks, and whether it may: keys, tokens, certificates, scopes, TLS
`limits`                   how much one caller may ask for, and how much a member is asked
`operations`, `reading`    a typed method becomes a route: path, query, headers and body as checked values
`discovery`, `lifecycle`   find members; announce, heartbeat, withdraw
`calling`                  tool calls, bytes in and out
`probes`, `metrics`        health for people, load balancers and Prometheus; `tally` counts for them
`inquiry`                  a bounded question to the directory
`endpoints`                where a member that lives on the bus alone is reached over HTTP
`documents`, `openapi`, `pages`, `shapes`   what the gateway says of itself, made from the same models
`border`, `refusals`       an error of the federation as an HTTP answer
`app`                      all of it put together (`Gateway`)

The names above are loaded on first use: what only reads settings need not load a server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.access.policy import Unprotected, asks
    from gateway.access.settings import AccessSettings
    from gateway.access.tls import CannotServeTls
    from gateway.app import Gateway
    from gateway.listening import CannotListen
    from gateway.settings import GatewaySettings

__all__ = ["AccessSettings", "CannotListen", "CannotServeTls", "Gateway", "GatewaySettings", "Unprotected", "asks"]

_HOMES = {
    "AccessSettings": "gateway.access.settings",
    "CannotListen": "gateway.listening",
    "CannotServeTls": "gateway.access.tls",
    "Gateway": "gateway.app",
    "GatewaySettings": "gateway.settings",
    "Unprotected": "gateway.access.policy",
    "asks": "gateway.access.policy",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
