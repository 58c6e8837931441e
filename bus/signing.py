"""Manifests under a signature: sign one, and check one against the keys that are trusted for its id. Pure.

A signed manifest is a compact JWS whose payload is the whole manifest with four more members: `iat` and `exp` (seconds
since 1970), `epoch` (which life of the instance) and `instance` (which copy; absent: `default`). Algorithms are those
of `ALGORITHMS` and no other; the key is found by `kid` in the trust store and never taken from the token.

Every refusal has a word in its details, `{"reason": "expired"}`: see `Reason`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from bus.compact import (
    MAX_HEADER_BYTES,
    MAX_TOKEN_BYTES,
    SKEW_S,
    Reason,
    check_bounds,
    decoded,
    is_number,
    object_of,
    payload_of,
)
from bus.errors import InvalidRequest, Malformed, NotAllowed, TooLarge
from bus.manifest import DIRECTORY_FIELDS, read_manifest
from bus.names import DEFAULT_INSTANCE, checked_instance
from bus.truststore import ALGORITHMS, SigningKey, TrustedKey, TrustStore

CLAIMS = ("iat", "exp", "nbf", "epoch", "instance")
"""Members of the payload that are not the manifest's."""
MAX_EPOCH = 2**53

_EMBEDDED = frozenset({"jwk", "jku", "x5u", "x5c"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a signature says beside the manifest."""

    epoch: int
    issued_at: float
    """Unix seconds; the later of two of one life has the higher one."""
    lifetime_s: float
    instance: str = DEFAULT_INSTANCE


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A signed manifest whose signature holds."""

    manifest: Mapping[str, Any]
    """As the directory serves it: checked, without the members of `CLAIMS`."""
    kid: str
    algorithm: str
    iat: float
    exp: float
    epoch: int
    instance: str

    @property
    def member(self) -> str:
        return str(self.manifest["id"])


@dataclass(frozen=True, slots=True)
class Check:
    """How strictly times are looked at. Seconds."""

    skew_s: float = SKEW_S
    max_lifetime_s: float | None = None


def sign_manifest(manifest: Mapping[str, Any], key: SigningKey, terms: Terms) -> str:
    """The compact JWS of `manifest`; what only a directory writes is left out.

    Raises InvalidRequest or TooLarge for a manifest, an instance or terms that no directory would take.
    """
    own = {name: value for name, value in manifest.items() if name not in (*DIRECTORY_FIELDS, *CLAIMS)}
    read_manifest(own)
    if terms.lifetime_s <= 0 or not 0 <= terms.epoch <= MAX_EPOCH:
        raise InvalidRequest(f"epoch: 0 to {MAX_EPOCH}, and a lifetime above 0 seconds", details={"field": "epoch"})
    issued = round(terms.issued_at, 3)
    claims = {"iat": issued, "exp": round(issued + terms.lifetime_s, 3), "epoch": terms.epoch}
    payload = orjson.dumps({**own, **claims, "instance": checked_instance(terms.instance)})
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
    return jws.serialize_compact(header, payload, key.key, algorithms=[key.algorithm], registry=_Registry())


def verify_token(token: str, store: TrustStore, *, now: float, check: Check | None = None) -> SignedManifest:
    """What a token says, once all of it holds at `now` (Unix seconds).

    Raises NotAllowed, Malformed or TooLarge, each with its `Reason` in the details; InvalidRequest for a manifest that
    is signed well and none that a directory takes.
    """
    header = _header(token)
    key = _key(header, store)
    claims = payload_of(_verified(token, key))
    found = _signed(claims, key.kid, str(header["alg"]))
    if not key.speaks_for(found.member):
        raise _refusal(Reason.FOREIGN_KEY, f"signed: the key {key.kid!r} may not sign for {found.member}")
    _timely(found, claims.get("nbf"), now, check or Check())
    return found


def verify_manifest(
    manifest: Mapping[str, Any],
    store: TrustStore,
    *,
    now: float | None = None,
    check: Check | None = None,
    but: Collection[str] = (),
) -> SignedManifest:
    """Who signed a manifest that was found by discovery, once it is shown to be what was signed.

    `but`: fields that may differ (a gateway fills in `endpoints`, where a member has none). Raises NotAllowed: not
    signed, not signed well, or not the same; the reason is in the details.
    """
    token = manifest.get("signed")
    if not isinstance(token, str):
        raise _refusal(Reason.UNSIGNED, f"{str(manifest.get('id'))[:80]}: the manifest is not signed")
    try:
        found = verify_token(token, store, now=time.time() if now is None else now, check=check)
    except (Malformed, TooLarge, InvalidRequest) as exc:
        raise NotAllowed(exc.message, details=exc.details) from exc
    served = {name: value for name, value in manifest.items() if name not in DIRECTORY_FIELDS}
    other = sorted(
        name
        for name in served.keys() | found.manifest.keys()
        if name not in but and served.get(name) != found.manifest.get(name)
    )
    if other:
        named = ", ".join(other[:5])[:200]
        raise _refusal(Reason.DIFFERS, f"{found.member}: what is served is not what was signed: {named}")
    return found


def _header(token: str) -> dict[str, Any]:
    """The header of a token, which may be nothing but a plain one of ours."""
    check_bounds(token)
    segment = token.partition(".")[0]
    if len(segment) > MAX_HEADER_BYTES:
        raise TooLarge(
            f"signed: the header is {len(segment)} bytes, the limit is {MAX_HEADER_BYTES}",
            details={"reason": Reason.TOO_LARGE, "limit": MAX_HEADER_BYTES},
        )
    header = object_of(decoded(segment, "header"), "header")
    if "crit" in header or "b64" in header:
        raise _refusal(Reason.CRITICAL, "signed: the header demands extensions, and none are known here")
    if _EMBEDDED & header.keys():
        raise _refusal(Reason.EMBEDDED_KEY, "signed: the header brings a key of its own; only trusted ones count")
    if header.get("alg") not in ALGORITHMS:
        raise _refusal(Reason.ALGORITHM, f"signed: alg is one of {', '.join(ALGORITHMS)}")
    return header


def _key(header: Mapping[str, Any], store: TrustStore) -> TrustedKey:
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise _refusal(Reason.NO_KEY_ID, "signed: the header names no key (kid)")
    key = store.get(kid)
    if key is None:
        raise _refusal(Reason.UNKNOWN_KEY, f"signed: no trusted key is named {kid[:80]!r}")
    if header["alg"] not in key.algorithms:
        raise _refusal(Reason.ALGORITHM, f"signed: the key {kid!r} does not sign with {header['alg']}")
    return key


def _verified(token: str, key: TrustedKey) -> bytes:
    """The payload, once the signature holds."""
    try:
        return jws.deserialize_compact(token, key.key, algorithms=list(key.algorithms), registry=_Registry()).payload
    except (JoseError, ValueError) as exc:
        raise _refusal(Reason.BAD_SIGNATURE, "signed: the signature does not hold") from exc


def _signed(claims: Mapping[str, Any], kid: str, algorithm: str) -> SignedManifest:
    iat, exp, epoch = claims.get("iat"), claims.get("exp"), claims.get("epoch")
    if not (is_number(iat) and is_number(exp) and exp > iat):
        raise _refusal(Reason.CLAIMS, "signed: iat and exp are needed, numbers, exp the later one")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch <= MAX_EPOCH:
        raise _refusal(Reason.CLAIMS, f"signed: an epoch is needed, a whole number of 0 to {MAX_EPOCH}")
    instance = claims.get("instance", DEFAULT_INSTANCE)
    if not isinstance(instance, str):
        raise _refusal(Reason.CLAIMS, "signed: the instance is a name")
    manifest = read_manifest({name: value for name, value in claims.items() if name not in CLAIMS})
    return SignedManifest(manifest, kid, algorithm, float(iat), float(exp), epoch, checked_instance(instance))


def _timely(found: SignedManifest, not_before: Any, now: float, check: Check) -> None:
    if now > found.exp + check.skew_s:
        raise _refusal(Reason.EXPIRED, f"signed: expired {now - found.exp:.0f} s ago")
    earliest = max(found.iat, float(not_before)) if is_number(not_before) else found.iat
    if earliest > now + check.skew_s:
        raise _refusal(Reason.NOT_YET_VALID, f"signed: not valid for another {earliest - now:.0f} s")
    if check.max_lifetime_s is not None and found.exp - found.iat > check.max_lifetime_s:
        raise _refusal(
            Reason.LIFETIME, f"signed: valid for {found.exp - found.iat:.0f} s, at most {check.max_lifetime_s:.0f} are"
        )


def _refusal(reason: Reason, text: str) -> NotAllowed:
    return NotAllowed(text, details={"reason": reason.value})


class _Registry(jws.JWSRegistry):
    """Our sizes, and our algorithms without a warning about the older name of one of them."""

    max_header_length = MAX_HEADER_BYTES
    max_payload_length = MAX_TOKEN_BYTES
    max_signature_length = 2_048

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise JoseError(f"the algorithm {name!r} is not allowed")
        return self.algorithms[name]
