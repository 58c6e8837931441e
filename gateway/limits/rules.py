"""What limits there are, who is counted as whom, and what clients are told of it. Pure.

The fields are those of draft-ietf-httpapi-ratelimit-headers-11: `RateLimit-Policy` says what the limits are,
`RateLimit` what is left of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from gateway.settings import GatewaySettings

WINDOW_S = 60
REQUESTS_PER_MINUTE = 6_000
REQUESTS_AT_ONCE = 256
"""What one principal may ask for where callers prove who they are and nothing else is set."""

POLICY = "RateLimit-Policy"
REMAINING = "RateLimit"
IPV6_SITE = 64
"""Bits of an IPv6 address that tell one network from another; whoever has one has all addresses in it."""


@dataclass(frozen=True, slots=True)
class Quota:
    """So many in a sliding window."""

    name: str
    amount: int
    window_s: int = WINDOW_S

    @property
    def policy(self) -> str:
        """As `RateLimit-Policy` tells it."""
        return f'"{self.name}";q={self.amount};w={self.window_s}'


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of one request under a quota."""

    quota: Quota
    allowed: bool
    remaining: int
    reset_s: float
    """Until more is there."""

    @property
    def field(self) -> str:
        """As `RateLimit` tells it."""
        return f'"{self.quota.name}";r={max(0, self.remaining)};t={ceil(self.reset_s)}'

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which one more will be let through, others aside."""
        return max(1, ceil(self.reset_s + self.quota.window_s / self.quota.amount))


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of one gateway; None: no such limit."""

    requests: Quota | None = None
    """Of one principal."""
    at_once: int | None = None
    """Requests of one principal at the same time, in this gateway."""
    member_calls: Quota | None = None
    """Calls to one member, whoever makes them."""

    @property
    def any(self) -> bool:
        return self.requests is not None or self.at_once is not None or self.member_calls is not None

    @property
    def policy(self) -> str:
        """The value of `RateLimit-Policy`; empty where no principal is limited."""
        return ", ".join(self._policies())

    def _policies(self) -> Iterable[str]:
        if self.requests is not None:
            yield self.requests.policy
        if self.at_once is not None:
            yield f'"at-once";q={self.at_once};qu="concurrent-requests"'


def rules_of(settings: GatewaySettings, *, authenticated: bool) -> Rules:
    """What the settings mean; `authenticated`: callers prove who they are."""
    requests = _either(settings.requests_per_minute, REQUESTS_PER_MINUTE, authenticated)
    at_once = _either(settings.requests_at_once, REQUESTS_AT_ONCE, authenticated)
    calls = settings.member_calls_per_minute
    return Rules(
        Quota("requests", requests) if requests else None, at_once or None, Quota("calls", calls) if calls else None
    )


def _either(said: int | None, otherwise: int, authenticated: bool) -> int:
    return said if said is not None else otherwise if authenticated else 0


def counted_as(principal: str, address: str | None) -> str:
    """Who a request is counted for: the principal, or for nobody in particular the address it came from."""
    if principal:
        return f"principal/{principal}"
    return f"address/{_network(address or 'none')}"


def _network(address: str) -> str:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, IPV6_SITE), strict=False))
    return str(ip)
