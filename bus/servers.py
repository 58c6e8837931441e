"""Which server to dial next, and how long to wait before: decided here, done in `bus.supervision`."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

FIRST_PAUSE_S = 0.05
STEADY_S = 5.0
"""A connection that lived so long was a good one. A shorter life counts as one more failed attempt."""
REFUSED_FACTOR = 5
"""So many times longer are the pauses where a server said no: it writes a log line for every attempt."""


@dataclass(slots=True)
class Address:
    """One server, as the settings name it or as another server told of it."""

    url: str
    learnt: bool = False
    tls_name: str | None = None
    """The name its certificate is for, where the URL holds only a number."""
    failures: int = 0
    refused: bool = False


class Servers:
    """The servers of one federation. Synchronous; `jitter` returns 0 to 1."""

    def __init__(self, urls: Iterable[str], max_pause_s: float, jitter: Callable[[], float] = random.random) -> None:
        self._pool = [Address(_whole(url)) for url in urls]
        self._max_pause_s = max_pause_s
        self._jitter = jitter

    def __len__(self) -> int:
        return len(self._pool)

    def next(self) -> tuple[Address, float]:
        """The one that failed least, configured ones first, and the seconds to wait: exponential with full jitter."""
        chosen = min(self._pool, key=lambda address: (address.failures, address.learnt, self._jitter()))
        if not any(address.failures for address in self._pool):
            return chosen, 0.0
        ceiling = self._max_pause_s * (REFUSED_FACTOR if chosen.refused else 1)
        return chosen, min(ceiling, FIRST_PAUSE_S * 2 ** min(max(chosen.failures - 1, 0), 12)) * self._jitter()

    def failed(self, address: Address, *, refused: bool = False) -> None:
        """`address` was dialled in vain."""
        address.failures += 1
        address.refused = refused

    def leaves(self, address: Address) -> None:
        """`address` said that it will end: it comes last, whatever the others did before."""
        address.failures = 1 + max(each.failures for each in self._pool)

    def lost(self, address: Address, lived_s: float) -> None:
        """The connection to `address` ended after `lived_s`. What the others did before says nothing any more."""
        before = address.failures if lived_s < STEADY_S else 0
        for other in self._pool:
            other.failures = 0
        address.failures = before + 1
        address.refused = False

    def learn(self, teller: Address, hosts: Iterable[str]) -> None:
        """`teller` named its neighbours, as `host:port`: from now on these are the ones not in the settings."""
        uri = urlsplit(teller.url)
        if uri.scheme not in ("nats", "tls"):
            return
        known = {_place(address.url) for address in self._pool if not address.learnt}
        told = {host: address for host in hosts if (address := _neighbour(uri, host)) and host not in known}
        held = {_place(address.url): address for address in self._pool if address.learnt}
        configured = [address for address in self._pool if not address.learnt]
        self._pool = configured + [held.get(host, address) for host, address in told.items()]


def _whole(url: str) -> str:
    return url if "://" in url else f"nats://{url}"


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _neighbour(teller: SplitResult, host: str) -> Address | None:
    """Reached as its teller is: the same scheme and login."""
    login, at, _ = teller.netloc.rpartition("@")
    url = f"{teller.scheme}://{login}{at}{host}"
    try:
        name = urlsplit(url).hostname
        ipaddress.ip_address(name or "")
    except ValueError:
        return Address(url, learnt=True) if host else None
    return Address(url, learnt=True, tls_name=teller.hostname)
