"""A legacy session as a token that any gateway with the key can read: nothing about it has to be looked up.

The token is the `Mcp-Session-Id`. Its holder can read what it says and change nothing of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from bus.errors import InvalidRequest

MAX_TOKEN = 4096
"""Bytes: a header line that every server and proxy takes."""
REMEMBERED = 2_048
"""Tokens whose seal is not checked again."""
_FORM = "o1"
_PURPOSE = b"omega mcp session"


@dataclass(frozen=True, slots=True)
class Session:
    """What a client and a gateway agreed on when the client said `initialize`."""

    id: str
    version: str
    capabilities: Mapping[str, Any]
    client_info: Mapping[str, Any]
    endpoint: str
    """Path and query it was opened on: it is a session with that server and no other."""
    expires: int
    """Seconds since the epoch."""
    principal: str | None = None
    """Whose credential opened it; None where none was asked for."""


class Seal:
    """Writes session tokens and reads them back."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """The first of `secrets` seals, each of them opens."""
        self._keys = [hashlib.sha256(_PURPOSE + secret).digest() for secret in secrets]
        self._opened = lru_cache(maxsize=REMEMBERED)(self._open)

    def token(self, session: Session) -> str:
        """The token. Raises InvalidRequest when client info and capabilities are too large for one."""
        payload = _base64(orjson.dumps(_packed(session)))
        signed = f"{_FORM}.{payload}"
        token = f"{signed}.{_base64(_mac(self._keys[0], signed))}"
        if len(token) > MAX_TOKEN:
            raise InvalidRequest(f"clientInfo and capabilities: a session of {len(token)} bytes, {MAX_TOKEN} allowed")
        return token

    def session(self, token: str, *, now: float) -> Session | None:
        """The session of a token that one of the keys sealed and whose time is not over; None for anything else."""
        session = self._opened(token)
        return session if session is not None and session.expires > now else None

    def _open(self, token: str) -> Session | None:
        signed, dot, mac = token.rpartition(".")
        if not dot or len(token) > MAX_TOKEN or not token.isascii():
            return None
        given = _unbase64(mac)
        if not any(hmac.compare_digest(_mac(key, signed), given) for key in self._keys):
            return None
        return Session(*orjson.loads(_unbase64(signed.partition(".")[2])))


def _packed(session: Session) -> list[Any]:
    return [
        session.id,
        session.version,
        session.capabilities,
        session.client_info,
        session.endpoint,
        session.expires,
        session.principal,
    ]


def _mac(key: bytes, signed: str) -> bytes:
    return hmac.digest(key, signed.encode(), "sha256")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
