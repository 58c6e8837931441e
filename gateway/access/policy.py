"""Whether a gateway may start as it is configured, and whether it asks for credentials. Pure."""

from __future__ import annotations

import ipaddress

from gateway.access.settings import AccessSettings
from gateway.settings import LOOPBACK

FLAG = "--open-to-the-network-without-authentication"


class Unprotected(Exception):
    """The gateway would let in everybody who can reach it, and nobody said that this is meant."""


def asks(settings: AccessSettings, host: str) -> bool:
    """Whether callers must prove who they are on a gateway that listens at `host`. Raises Unprotected."""
    ways = bool(settings.oauth_issuers or settings.certificate_principals)
    required = settings.authentication == "required" or (settings.authentication is None and ways)
    if required and not (ways or settings.api_keys is not False):
        raise Unprotected("authentication is required, and there is no way to prove anything: no API keys, no issuers")
    if required or is_loopback(host) or settings.open_to_the_network_without_authentication:
        return required
    raise Unprotected(
        f"{host} is open to the network, and nobody would be asked who it is. Set"
        " OMEGA_GATEWAY_AUTHENTICATION=required and make keys with `omega token create`, or configure OAuth issuers or"
        f" client certificates. Where everybody on that network may do everything: {FLAG}"
    )


def takes_keys(settings: AccessSettings, *, required: bool) -> bool:
    """Whether API keys are looked at."""
    return required if settings.api_keys is None else settings.api_keys


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens at `host`. A name of unknown meaning is none."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
