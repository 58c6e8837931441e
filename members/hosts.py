"""Which addresses a stranger may make us talk to. Decisions only: nothing is resolved.

One answer for repositories that are cloned, for members that are adopted by URL, for their health, and for the images
and tables that a tool is given the URL of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""The last label begins with a letter, so no spelling of an IPv4 address passes for a name."""

METADATA_NAMES = frozenset({
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
    "metadata.azure.internal", "metadata.tencentyun.com",
})  # fmt: skip
"""Where clouds tell a machine its own credentials."""
METADATA = [
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata lived here
        "168.63.129.16/32",  # a public address by number, a cloud's wire server in fact
        "100.100.100.200/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
]
CARRYING = [
    ip_network(text)
    for text in (
        "::/96",  # IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b:1::/48",  # local translation
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
    )
]
"""IPv6 that leads to an IPv4 address which is not the one that was judged."""
NOWHERE = [ip_network(text) for text in ("0.0.0.0/8", "240.0.0.0/4", "192.88.99.0/24", "100::/64", "fe80::/10")]
NEVER = [*METADATA, *CARRYING, *NOWHERE]
"""Dialled under no policy that is one, `private` included; loopback is asked for by itself."""
UNICAST = ip_network("2000::/3")
"""All there is of public IPv6."""
TRANSLATED = ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """Policy is against this address. The message names the host as it was given, never what it resolved to."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which addresses may be dialled."""

    loopback: bool = False
    """This machine."""
    private: bool = False
    """Everything else that is not public; link-local addresses and metadata hosts stay forbidden."""
    unrestricted: bool = False
    """The URL was chosen by whoever runs this process: nothing is checked."""

    def allows(self, ip: IPv4Address | IPv6Address) -> bool:
        """Whether an address may be dialled."""
        ip = carried(ip)
        if self.unrestricted or is_public(ip):
            return True
        if ip.is_loopback:
            return self.loopback
        return self.private and ip.is_private and not ip.is_multicast and not any(ip in net for net in NEVER)


def checked(url: str, policy: Policy) -> str:
    """The canonical host of `url`, as far as it can be judged without resolving it. Raises Forbidden."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        if parts.scheme not in ("http", "https") or parts.username is not None or parts.password is not None:
            raise ValueError("a plain http:// or https:// URL")
        if policy.unrestricted:
            return parts.hostname or ""
        host = canonical(parts.hostname or "")
    except ValueError as exc:
        raise Forbidden(f"this URL is not dialled: {exc}") from exc
    return checked_host(host, policy)


def checked_host(host: str, policy: Policy) -> str:
    """A canonical host, as far as it can be judged without resolving it. Raises Forbidden."""
    if policy.unrestricted:
        return host
    if host in METADATA_NAMES:
        raise forbidden(host)
    try:
        ip = ip_address(host)
    except ValueError:
        return host
    if not policy.allows(ip):
        raise forbidden(host)
    return host


def checked_addresses(host: str, found: Iterable[str], policy: Policy) -> tuple[str, ...]:
    """What `host` resolved to, when all of it may be dialled: a name that points both outside and inside is a trap.

    Raises Forbidden. What is dialled afterwards must be these addresses, and not the name again.
    """
    addresses = tuple(dict.fromkeys(text.partition("%")[0] for text in found))
    if not all(policy.allows(ip_address(text)) for text in addresses):
        raise forbidden(host)
    return addresses


def forbidden(host: str) -> Forbidden:
    """The refusal of a host; the address it leads to is not told."""
    return Forbidden(f"the host {host[:100]} is, or leads to, an address that policy does not allow")


def canonical(host: str) -> str:
    """An IP address in its canonical form or a lower-case ASCII name. Raises ValueError for anything else."""
    with suppress(ValueError):
        ip = ip_address(host)
        if "%" not in host:  # a scope names an interface of this machine
            return str(ip)
    try:
        name = host.encode("idna").decode().lower().rstrip(".")
    except UnicodeError:
        name = ""
    if not HOST_NAME.fullmatch(name):
        raise ValueError("neither a name nor a plain IP address")
    return name


def carried(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one that only carries it; else the address itself."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in TRANSLATED:
            return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """May a stranger make us talk to it? Addresses that carry an IPv4 address are judged by what they carry."""
    ip = carried(ip)
    if isinstance(ip, IPv6Address) and ip not in UNICAST:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in NEVER)
