"""The refusals that only HTTP knows; they sit in the one tree beside those of the bus.

Refused
├── Malformed
│   └── MalformedCredentials  credentials that cannot be read, several, or in the URL
├── NotFound
│   └── NoSuchPath        no route here
├── NotAllowed
│   ├── ForeignOrigin     a web page of an origin that is not on the list
│   └── InsufficientScope the caller is known, and may not do this
├── MethodNotAllowed      the path has other methods; they are in the `Allow` header
├── Misdirected           the `Host` header names nobody here
└── SlowRequest           the body did not arrive in time
Unavailable
└── IssuerAway            the keys of an authorization server cannot be fetched
"""

from __future__ import annotations

from bus.errors import Malformed, NotAllowed, NotFound, Refused, Unavailable


class MalformedCredentials(Malformed):
    """The credentials cannot be read, are several, or stand in the URL."""

    code = "malformed_credentials"
    jsonrpc_code = -32600


class NoSuchPath(NotFound):
    """There is nothing at this path."""


class ForeignOrigin(NotAllowed):
    """Pages of this origin may not use the gateway."""


class InsufficientScope(NotAllowed):
    """The caller's scopes do not reach this; `needed` in the details are scopes that would, separated by spaces."""

    code = "insufficient_scope"

    @property
    def needed(self) -> str:
        """Scopes that would do; empty where none would."""
        return str((self.details or {}).get("needed", ""))


class MethodNotAllowed(Refused):
    """This path does not take that method."""

    code = "method_not_allowed"
    http_status = 405


class Misdirected(Refused):
    """The Host header names nobody here."""

    code = "misdirected"
    http_status = 421


class SlowRequest(Refused):
    """The body did not arrive in time."""

    code = "request_timeout"
    http_status = 408


class IssuerAway(Unavailable):
    """The keys of the authorization server cannot be fetched, so its tokens cannot be verified."""

    code = "issuer_unavailable"
