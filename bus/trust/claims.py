"""What NATS's own tokens say (JWT version 2): an operator vouches for accounts, an account for its users.

As in github.com/nats-io/jwt. Only what this federation uses of it; nothing here is I/O, the time is an argument.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bus.trust.nkeys import KeyPair, NotAKey, verified
from bus.trust.rights import Rights

_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_UNLIMITED = {"subs": -1, "data": -1, "payload": -1}
MAX_TOKEN = 64 << 10


class NotAToken(ValueError):
    """The text is not a NATS token that its issuer signed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A signing key that can only make users with these rights, whoever holds it."""

    key: str
    role: str
    rights: Rights


@dataclass(frozen=True, slots=True)
class Account:
    """What an account's token says."""

    name: str
    scopes: tuple[Scope, ...] = ()
    signing_keys: tuple[str, ...] = ()
    jetstream: bool = False
    revoked: Mapping[str, int] = field(default_factory=dict)
    """Public keys of users, each with the moment (Unix seconds) before which its tokens hold no more."""


@dataclass(frozen=True, slots=True)
class User:
    """What a user's token says. Without rights, those of the scope of the key that signed it."""

    name: str
    role: str
    account: str
    rights: Rights | None = None
    expires: int | None = None


def operator_token(name: str, operator: KeyPair, system_account: str, now: int) -> str:
    """The operator's word about itself."""
    return _signed(operator, operator.public, now, name, {"type": "operator", "system_account": system_account})


def account_token(account: Account, public: str, operator: KeyPair, now: int) -> str:
    """The operator's word about an account."""
    storage = -1 if account.jetstream else 0
    limits = _UNLIMITED | {
        "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1,
        "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
    }  # fmt: skip
    scoped = [
        {"kind": "user_scope", "key": one.key, "role": one.role, "template": _permissions(one.rights) | _UNLIMITED}
        for one in account.scopes
    ]
    says: dict[str, Any] = {"type": "account", "limits": limits, "signing_keys": [*account.signing_keys, *scoped]}
    if account.revoked:
        says["revocations"] = dict(account.revoked)
    return _signed(operator, public, now, account.name, says)


def user_token(user: User, public: str, signer: KeyPair, now: int) -> str:
    """An account's word about a user; `signer` is one of the account's signing keys."""
    says: dict[str, Any] = {"type": "user", "issuer_account": user.account, "tags": [f"role:{user.role}"]}
    if user.rights is not None:
        says |= _permissions(user.rights) | _UNLIMITED
    return _signed(signer, public, now, user.name, says, expires=user.expires)


def read_token(token: str) -> dict[str, Any]:
    """The claims of a token whose own issuer signed it; whether that issuer is to be believed is not looked at.

    Raises NotAToken.
    """
    if len(token) > MAX_TOKEN:
        raise NotAToken(f"a NATS token: {len(token)} characters, the limit is {MAX_TOKEN}")
    try:
        head, body, signature = token.split(".")
        header, claims = orjson.loads(_decoded(head)), orjson.loads(_decoded(body))
        good = header == _HEADER and verified(claims["iss"], f"{head}.{body}".encode(), _decoded(signature))
    except (ValueError, KeyError, TypeError, NotAKey, binascii.Error) as exc:
        raise NotAToken("not a NATS token") from exc
    if not good:
        raise NotAToken("a NATS token with a wrong signature")
    return dict(claims)


def _permissions(rights: Rights) -> dict[str, Any]:
    return {"pub": {"allow": list(rights.publish)}, "sub": {"allow": list(rights.subscribe)}}


def _signed(
    signer: KeyPair, subject: str, now: int, name: str, says: dict[str, Any], *, expires: int | None = None
) -> str:
    claims: dict[str, Any] = {"iat": now, "iss": signer.public, "sub": subject, "name": name}
    if expires is not None:
        claims["exp"] = expires
    claims["nats"] = says | {"version": 2}
    claims["jti"] = base64.b32encode(hashlib.sha256(orjson.dumps(claims)).digest()).decode().rstrip("=")
    signed = f"{_encoded(orjson.dumps(_HEADER))}.{_encoded(orjson.dumps(claims))}"
    return f"{signed}.{_encoded(signer.sign(signed.encode()))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
