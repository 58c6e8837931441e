"""Keys, stores and tokens for tests, well made and badly made."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from bus.keyfiles import PRIVATE_MEMBERS, new_key, public_part
from bus.truststore import ALGORITHMS, SigningKey, TrustStore, read_key, trusted_key

NOW = 1_800_000_000.0
MEMBER = "my_service"
MANIFEST = {"id": MEMBER, "name": "My Service", "version": "1.2.3", "tags": ["a"]}
CLAIMS: dict[str, Any] = {"iat": NOW, "exp": NOW + 600, "epoch": 7}


@dataclass(frozen=True, slots=True)
class Pair:
    """A key that signs, and what a trust store holds of it."""

    private: dict[str, Any]
    public: dict[str, Any]

    @property
    def key(self) -> SigningKey:
        key, _ = read_key(self.private, "test", PRIVATE_MEMBERS)
        return SigningKey(self.private["kid"], self.private["alg"], key)


@cache
def pair(algorithm: str = "ES256", kid: str = "k1", ids: tuple[str, ...] = (MEMBER,)) -> Pair:
    """A key pair; the same one for the same arguments."""
    private = new_key(kid, algorithm)
    return Pair(private, public_part(private, list(ids)))


def store_of(*pairs: Pair) -> TrustStore:
    return TrustStore(trusted_key(one.public) for one in pairs)


def encoded(value: Any) -> str:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token(pair: Pair, payload: Any = None, header: dict[str, Any] | None = None) -> str:
    """A JWS made by hand with `cryptography` alone: whatever header and payload are wanted, well signed."""
    told = {"alg": pair.private["alg"], "kid": pair.private["kid"]} if header is None else header
    signed = f"{encoded(told)}.{encoded({**MANIFEST, **CLAIMS} if payload is None else payload)}"
    return f"{signed}.{encoded(signature(pair, signed.encode()))}"


def signature(pair: Pair, data: bytes) -> bytes:
    key: Any = pair.key.key.private_key
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.sign(data)


def check_with_cryptography(pair: Pair, jws: str) -> dict[str, Any]:
    """The payload of a JWS, its signature checked by `cryptography` alone. Raises InvalidSignature."""
    head, _, tail = jws.rpartition(".")
    key: Any = pair.key.key.public_key
    raw = unpadded(tail)
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(raw, head.encode(), padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        key.verify(encode_dss_signature(r, s), head.encode(), ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(raw, head.encode())
    payload: dict[str, Any] = orjson.loads(unpadded(head.partition(".")[2]))
    return payload


__all__ = ["ALGORITHMS", "CLAIMS", "MANIFEST", "MEMBER", "NOW", "Pair", "pair", "store_of", "token"]
