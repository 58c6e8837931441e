"""What a request shows of who sent it: read, not yet believed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bus.apikeys import is_key
from bus.errors import Unauthenticated
from gateway.refusals import MalformedCredentials

AUTHORIZATION = "authorization"
API_KEY = "x-api-key"
IN_QUERY = ("access_token", "api_key", "apikey")
"""Parameters in which others take credentials. Addresses are written to logs and histories, so here they are none."""

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*) *")
_SCHEME = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?: .*)?")
_IN_QUERY = re.compile(rf"(?:^|&)(?:{'|'.join(IN_QUERY)})=", re.IGNORECASE)

Certificate = Mapping[str, Any]
"""A client certificate that the handshake verified, as `ssl` tells of it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ways to prove who one is look at."""

    token: str | None
    """An access token, from `Authorization: Bearer`."""
    key: str | None
    """An API key, from either header."""
    certificate: Certificate | None
    resource: str
    """The URL of what is asked, as a token names it in its audience."""
    base: str
    """The URL of the whole port."""
    now: float

    @property
    def anything(self) -> bool:
        """Whether credentials were shown at all."""
        return self.token is not None or self.key is not None or self.certificate is not None


def read_credentials(lines: Iterable[tuple[str, str]], query: str) -> tuple[str | None, str | None]:
    """The access token and the API key that a request's headers carry, one of them at most.

    Raises MalformedCredentials (several, one that cannot be read, one in the query string), Unauthenticated (of a kind
    that nobody here takes).
    """
    if query and _IN_QUERY.search(query):
        raise MalformedCredentials("credentials in a URL are never taken: send them in the Authorization header")
    shown = [(name, value) for name, value in lines if name in (AUTHORIZATION, API_KEY)]
    if not shown:
        return None, None
    if len(shown) > 1:
        raise MalformedCredentials("Authorization, X-Api-Key: one of them, once")
    name, value = shown[0]
    return _from_authorization(value) if name == AUTHORIZATION else (None, _key(value.strip()))


def _from_authorization(value: str) -> tuple[str | None, str | None]:
    found = _BEARER.fullmatch(value)
    if found is not None:
        return (None, found[1]) if is_key(found[1]) else (found[1], None)
    scheme = _SCHEME.fullmatch(value)
    if scheme is None or scheme[1].lower() == "bearer":
        raise MalformedCredentials("Authorization: cannot be read")
    raise Unauthenticated("Authorization: the scheme is Bearer")


def _key(value: str) -> str:
    if not is_key(value):
        raise Unauthenticated("X-Api-Key: not of the form of a key")
    return value
