"""Who may speak to the gateway from where: the `Host` and `Origin` checks, CORS, and the headers that bind browsers.

On loopback there may be no login, so a web page in a local browser is the intruder to keep out: by DNS rebinding it
comes with a foreign `Host`, by a cross-site request with a foreign `Origin`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy

from bus.errors import Malformed
from gateway.refusals import ForeignOrigin, Misdirected

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer that does not set its own."""

CORS_METHODS = "GET, POST, DELETE"
CORS_HEADERS = (
    "Authorization, X-Api-Key, Content-Type, X-Omega-Timeout-Ms, X-Request-Id, Idempotency-Key, "
    "MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
)
CORS_EXPOSED = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Mcp-Session-Id"
CORS_MAX_AGE_S = 600

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Guards:
    """The lists that the two checks read."""

    hosts: frozenset[str]
    """Names in lower case, `*.suffix` patterns, or `*`."""
    origins: frozenset[str]

    def check(self, headers: CIMultiDictProxy[str]) -> str | None:
        """As `check_origin`, the `Host` first. Raises what the two raise."""
        return self.check_origin(headers, self.check_host(headers))

    def check_host(self, headers: CIMultiDictProxy[str]) -> str:
        """The `Host` header. Raises Malformed (none, or several), Misdirected (not on the list)."""
        given = headers.getall(hdrs.HOST, [])
        if len(given) != 1 or not given[0]:
            raise Malformed("Host: exactly one is needed")
        if not self.knows(hostname(given[0])):
            raise Misdirected(f"Host: {given[0][:80]!r} is not served here; see `allowed_hosts`")
        return given[0]

    def knows(self, name: str) -> bool:
        """Whether `name` (lower case, no port) is on the list."""
        if name in self.hosts or "*" in self.hosts:
            return True
        _, dot, parent = name.partition(".")
        while dot:
            if f"*.{parent}" in self.hosts:
                return True
            _, dot, parent = parent.partition(".")
        return False

    def check_origin(self, headers: CIMultiDictProxy[str], host: str) -> str | None:
        """The foreign origin that is allowed, or None for a request that no foreign page made. Raises ForeignOrigin."""
        origin = headers.get(hdrs.ORIGIN)
        if origin is None:
            return None
        if origin in self.origins:
            return origin
        if origin in (f"http://{host}", f"https://{host}"):
            return None
        raise ForeignOrigin(f"Origin: pages of {origin[:80]!r} may not use this gateway; see `allowed_origins`")


@lru_cache(maxsize=256)
def hostname(host: str) -> str:
    """The name in a `Host` header, without port and brackets, in lower case; "" for one that cannot be read."""
    found = _HOST.fullmatch(host)
    return (found["name"] or found["v6"]).lower().rstrip(".") if found else ""


def secure(answer: CIMultiDict[str]) -> None:
    """Bind browsers, and name no versions."""
    for name, value in SECURITY_HEADERS.items():
        answer.setdefault(name, value)
    answer[hdrs.SERVER] = "omega"


def allow_origin(answer: CIMultiDict[str], origin: str) -> None:
    """Let the page of an allowed foreign origin read the answer, and send what the paths take."""
    answer[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
    answer[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = CORS_METHODS
    answer[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = CORS_HEADERS
    answer[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = CORS_EXPOSED
    answer[hdrs.ACCESS_CONTROL_MAX_AGE] = str(CORS_MAX_AGE_S)
    answer[hdrs.VARY] = hdrs.ORIGIN
