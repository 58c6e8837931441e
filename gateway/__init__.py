"""The gateway: the federation's HTTP face. It translates; it decides nothing that the bus or the directory decides.

Read in the order a request meets them:

`settings`                 what an operator may set, with its consequences
`listening`                a port: bind, serve, drain
`requests`, `guards`       around every request: id, Host and Origin, one error shape, log line, metrics
`access`                   who asks, and whether it may: keys, tokens, certificates, scopes, TLS
`operations`, `reading`    a typed method becomes a route: path, query, headers and body as checked values
`discovery`, `lifecycle`   find members; announce, heartbeat, withdraw
`calling`                  tool calls, bytes in and out
`probes`, `metrics`        health for people, load balancers and Prometheus
`inquiry`                  a bounded question to the directory
`endpoints`                where a member that lives on the bus alone is reached over HTTP
`documents`, `openapi`, `pages`, `shapes`   what the gateway says of itself, made from the same models
`border`, `refusals`       an error of the federation as an HTTP answer
`app`                      all of it put together (`Gateway`)
"""

from __future__ import annotations

from gateway.access.policy import Unprotected, asks
from gateway.access.settings import AccessSettings
from gateway.access.tls import CannotServeTls
from gateway.app import Gateway
from gateway.listening import CannotListen
from gateway.settings import GatewaySettings

__all__ = ["AccessSettings", "CannotListen", "CannotServeTls", "Gateway", "GatewaySettings", "Unprotected", "asks"]
