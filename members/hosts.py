"""Which addresses a stranger may make us talk to. Decisions only: nothing is resolved.

One answer for repositories that are cloned and for members that are adopted by URL.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""The last label begins with a letter, so no spelling of an IPv4 address passes for a name."""

NEVER = [
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata lived here
        "168.63.129.16/32",  # a public address by number, a cloud's wire server in fact
        "::/96",  # IPv4-compatible
        "64:ff9b:1::/48",  # local translation
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local
    )
]
TRANSLATED = ip_network("64:ff9b::/96")


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
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in NEVER)
