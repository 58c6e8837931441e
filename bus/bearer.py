"""OAuth 2.1 access tokens (signed JWTs, RFC 9068) held to what a resource server must ask of them. Pure.

The signature is checked with the issuer's public keys, in algorithms that are on a list: none of them takes a shared
secret, so a public key can never pass for one. A token must name this resource as its audience, and one that is bound
to a key of its holder is refused: nobody here would check the binding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from bus.access import MAX_NAME, Principal, Scopes, Via
from bus.errors import Malformed, Unauthenticated

MAX_TOKEN = 8_192
MAX_KEYS = 64
LEEWAY_S = 30.0
"""How far ahead of ours an issuer's clock may be. There is none for an end: what is over is over."""
LEAST_RSA_BITS = 2_048
FAMILIES: Mapping[str, str] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "EdDSA": "OKP",
    "Ed25519": "OKP",
}
"""The algorithms that there may be, each with its kind of key."""
_CURVES = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_PLAIN = re.compile(r"[A-Za-z0-9._@:/+-]+")
_DIGESTED = "sha256/"

PublicKey = RSAKey | ECKey | OKPKey
Keys = Mapping[str, Sequence[PublicKey]]
"""An issuer's keys by `kid`; those without one under the empty text."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the tokens of one issuer are held to."""

    issuer: str
    label: str
    """Begins the name of everyone whom this issuer names."""
    algorithms: frozenset[str]
    name_claim: str = "sub"
    scope_claims: tuple[str, ...] = ("scope", "scp")
    scopes: Mapping[str, str] = field(default_factory=dict)
    """What scopes of the issuer's own mean here."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a token says of itself before anything of it is believed."""

    issuer: str
    algorithm: str
    kid: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that was found good."""

    principal: Principal
    expires: float


def read_head(token: str) -> Head:
    """Whose token it says it is. Raises Unauthenticated: it is no signed JWT."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3:
        raise Unauthenticated("the access token is not a signed JWT")
    header, claims = _object(parts[0]), _object(parts[1])
    words = (claims.get("iss"), header.get("alg"), header.get("kid", ""))
    if not all(isinstance(word, str) for word in words):
        raise Unauthenticated("the access token names no issuer or no algorithm")
    return Head(*map(str, words))


def read_keys(document: object) -> dict[str, list[PublicKey]]:
    """The public signature keys of a JWKS; others are left out. Raises Malformed: it is no JWKS."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise Malformed("the issuer's keys are no JWKS")
    found: dict[str, list[PublicKey]] = {}
    for entry in listed[:MAX_KEYS]:
        key = _public_key(entry)
        if key is not None:
            found.setdefault(str(entry.get("kid", "")), []).append(key)
    return found


def key_for(head: Head, keys: Keys) -> PublicKey | None:
    """The key that signed the token, by its `kid`; where it has none, the only one of its kind there is."""
    kind, curve = FAMILIES.get(head.algorithm), _CURVES.get(head.algorithm)
    candidates = keys.get(head.kid, ()) if head.kid else [key for several in keys.values() for key in several]
    fitting = [key for key in candidates if _fits(key, head.algorithm, kind, curve)]
    return fitting[0] if len(fitting) == 1 or (head.kid and fitting) else None


def check_algorithm(head: Head, rules: Rules) -> None:
    """Raises Unauthenticated for an algorithm that is not on the issuer's list, or on ours."""
    if head.algorithm not in rules.algorithms or head.algorithm not in FAMILIES:
        raise Unauthenticated(f"the access token is signed in a way that is not taken here: {head.algorithm[:20]!r}")


def granted(token: str, key: PublicKey, rules: Rules, *, audiences: Collection[str], now: float) -> Granted:
    """Who shows the token and what it may. Raises Unauthenticated with the reason."""
    try:
        read = jwt.decode(token, key, algorithms=list(rules.algorithms & FAMILIES.keys()))
    except (JoseError, ValueError) as exc:
        raise Unauthenticated("the signature of the access token does not hold") from exc
    _check_header(read.header)
    claims = read.claims
    expires = _check_times(claims, now)
    if claims.get("iss") != rules.issuer:
        raise Unauthenticated("the access token is of another issuer")
    if not set(_words(claims.get("aud"), split=False)) & set(audiences):
        raise Unauthenticated("the access token is for another resource")
    if "cnf" in claims:
        raise Unauthenticated("the access token is bound to a key, which is not supported here")
    name = holder(rules.label, claims.get(rules.name_claim))
    return Granted(Principal(name, _scopes(claims, rules), Via.OAUTH), expires)


def holder(label: str, subject: object) -> str:
    """The name of whom an issuer calls `subject`: one name a subject, whatever is in it. Raises Unauthenticated."""
    if not isinstance(subject, str) or not subject:
        raise Unauthenticated("the access token names nobody")
    plain = f"{label}:{subject}"
    if len(plain) <= MAX_NAME and _PLAIN.fullmatch(subject) and not subject.startswith(_DIGESTED):
        return plain
    return f"{label}:{_DIGESTED}{hashlib.sha256(subject.encode('utf-8', 'replace')).hexdigest()[:40]}"


def _check_header(header: Mapping[str, Any]) -> None:
    if str(header.get("typ", "")).lower() not in _TYPES or "crit" in header:
        raise Unauthenticated("the token is no access token")


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    expires = _moment(claims, "exp")
    if expires is None:
        raise Unauthenticated("the access token never expires")
    if now >= expires:
        raise Unauthenticated("the access token has expired")
    for claim in ("nbf", "iat"):
        begins = _moment(claims, claim)
        if begins is not None and begins > now + LEEWAY_S:
            raise Unauthenticated("the access token is not valid yet")
    return expires


def _moment(claims: Mapping[str, Any], claim: str) -> float | None:
    value = claims.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise Unauthenticated(f"the access token's {claim} is no time")
    return float(value)


def _scopes(claims: Mapping[str, Any], rules: Rules) -> Scopes:
    told = [word for claim in rules.scope_claims for word in _words(claims.get(claim), split=True)]
    return Scopes.understood(part for word in told for part in rules.scopes.get(word, word).split())


def _words(value: object, *, split: bool) -> list[str]:
    if isinstance(value, str):
        return value.split() if split else [value]
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _public_key(entry: object) -> PublicKey | None:
    if (
        not isinstance(entry, Mapping)
        or entry.get("use", "sig") != "sig"
        or entry.get("kty") not in ("RSA", "EC", "OKP")
    ):
        return None
    try:
        (key,) = KeySet.import_key_set({"keys": [dict(entry)]}).keys
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= LEAST_RSA_BITS else None
    return key if isinstance(key, ECKey | OKPKey) else None


def _fits(key: PublicKey, algorithm: str, kind: str | None, curve: str | None) -> bool:
    told = key.as_dict(private=False)
    named = told.get("alg")
    same = named is None or named == algorithm or {named, algorithm} == {"EdDSA", "Ed25519"}
    return same and told.get("kty") == kind and (curve is None or told.get("crv") == curve)


def _object(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as exc:
        raise Unauthenticated("the access token is not a signed JWT") from exc
    if not isinstance(value, dict):
        raise Unauthenticated("the access token is not a signed JWT")
    return value
