"""The refusals that only HTTP knows; they sit in the one tree beside those of the bus.

Refused
├── NotFound
│   └── NoSuchPath        no route here
├── NotAllowed
│   └── ForeignOrigin     a web page of an origin that is not on the list
├── MethodNotAllowed      the path has other methods; they are in the `Allow` header
├── Misdirected           the `Host` header names nobody here
└── SlowRequest           the body did not arrive in time
"""

from __future__ import annotations

from bus.errors import NotAllowed, NotFound, Refused


class NoSuchPath(NotFound):
    """There is nothing at this path."""


class ForeignOrigin(NotAllowed):
    """Pages of this origin may not use the gateway."""


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
