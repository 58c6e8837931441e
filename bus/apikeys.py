"""API keys: what one is, how it is written down, and what is known of it. Pure.

A key is 256 random bits, so one round of SHA-256 is all that its stored form needs: there is nothing to guess that a
slow hash would have to protect, as there is with passwords. Who reads the store can neither use a key nor find it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bus.access import Principal, Scopes, Via
from bus.errors import InvalidRequest

PREFIX = "omk_"
KEY_BYTES = 32
NAME_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
"""Names of keys. They have no `:`, so that none can be the name of a token's or a certificate's holder."""
SHOWN_ID = 12
"""Characters of a key's hash that people name it by."""
LONGEST = timedelta(days=3_650)
KEPT_AFTER = timedelta(days=30)
"""How long an expired key is still listed."""

_KEY = re.compile(r"omk_[A-Za-z0-9_-]{43}")
_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class KeyRecord(BaseModel):
    """What is stored of a key, under its hash."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    scopes: str
    created: float
    """Unix seconds, as the others."""
    expires: float | None = None
    revoked: float | None = None

    @field_validator("scopes")
    @classmethod
    def _are_scopes(cls, value: str) -> str:
        try:
            return str(Scopes.parse(value))
        except InvalidRequest as exc:
            raise ValueError(exc.message) from exc

    def holds(self, now: float) -> bool:
        """Whether the key opens anything at that moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "active" if self.holds(now) else "expired"

    def principal(self) -> Principal:
        """Who shows the key."""
        return Principal(self.name, Scopes.parse(self.scopes), Via.API_KEY)


def minted(entropy: bytes) -> str:
    """The key made of 32 random bytes."""
    if len(entropy) != KEY_BYTES:
        raise ValueError(f"a key is made of {KEY_BYTES} random bytes")
    return PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key."""
    return _KEY.fullmatch(text) is not None


def hashed(key: str) -> str:
    """The form in which a key is stored and looked for: 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def lifetime(text: str) -> timedelta | None:
    """`90m`, `12h`, `30d`, `8w`, or None for `never`. Raises InvalidRequest."""
    if text == "never":
        return None
    found = _SPAN.fullmatch(text)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
    if not timedelta(0) < span <= LONGEST:
        raise InvalidRequest(
            f"expires: a time such as 90m, 12h, 30d or 8w, at most {LONGEST.days}d, or never, not {text[:40]!r}",
            details={"field": "expires"},
        )
    return span
