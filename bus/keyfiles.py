"""Private keys of signers, in files that only their owner may read: made, written and read back."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, OKPKey, RSAKey

from bus.errors import InvalidRequest
from bus.truststore import ALGORITHMS, IDS, SigningKey, public_set, read_key, trusted_key

PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")
RSA_BITS = 3_072
PRIVATE_MODE = 0o600


def new_key(kid: str, algorithm: str = "ES256") -> dict[str, Any]:
    """A new private key as a JWK. Raises InvalidRequest for an algorithm that is not known."""
    if algorithm not in ALGORITHMS:
        raise InvalidRequest(f"alg: one of {', '.join(ALGORITHMS)}, not {algorithm[:40]!r}", details={"field": "alg"})
    key: RSAKey | ECKey | OKPKey
    if algorithm == "RS256":
        key = RSAKey.generate_key(RSA_BITS, auto_kid=False)
    elif algorithm == "ES256":
        key = ECKey.generate_key("P-256", auto_kid=False)
    else:
        key = OKPKey.generate_key("Ed25519", auto_kid=False)
    return {**key.as_dict(private=True), "kid": kid, "alg": algorithm, "use": "sig"}


def public_part(jwk: Mapping[str, Any], ids: list[str]) -> dict[str, Any]:
    """What of a private JWK goes into a trust store, bound to `ids`. Raises InvalidRequest for ids that are none."""
    public = {name: value for name, value in jwk.items() if name not in PRIVATE_MEMBERS}
    bound = {**public, IDS: ids}
    trusted_key(bound)
    return bound


def read_signing_key(path: Path, kid: str | None = None) -> SigningKey:
    """The private key in a file: a JWK, or PEM without a password. `kid` is its name where the file has none.

    Raises InvalidRequest: not there, no such key, or readable by others.
    """
    data = _private_bytes(path)
    jwk = _from_pem(data, path) if data.lstrip().startswith(b"-----BEGIN") else _from_json(data, path)
    if "d" not in jwk:
        raise InvalidRequest(f"{path}: a public key cannot sign")
    key, algorithms = read_key(jwk, str(path), PRIVATE_MEMBERS)
    algorithm = jwk.get("alg") or ("EdDSA" if "EdDSA" in algorithms else next(iter(algorithms)))
    return SigningKey(kid or str(jwk.get("kid") or key.thumbprint()), str(algorithm), key)


def write_private(path: Path, jwk: Mapping[str, Any]) -> None:
    """Write a private key where none is yet, for its owner's eyes only. Raises InvalidRequest."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    except OSError as exc:
        raise InvalidRequest(f"{path}: {exc.strerror}; a key is never overwritten") from exc
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(dict(jwk), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def add_trusted(store: Path, jwk: Mapping[str, Any]) -> Path:
    """Add a public key to a trust store (a folder: as a file of its own), and return the file.

    Readers see the old file or the new one, never a part. Raises InvalidRequest: a key of that name is there.
    """
    kid = str(jwk["kid"])
    file = store / f"{_file_name(kid)}.json" if store.is_dir() else store
    try:
        known = orjson.loads(file.read_bytes())["keys"] if file.exists() else []
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InvalidRequest(f"{file}: not a JWKS that can be added to") from exc
    if any(one.get("kid") == kid for one in known):
        raise InvalidRequest(f"{file}: a key named {kid!r} is there already")
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_bytes(public_set([*known, jwk]))
        beside.chmod(PRIVATE_MODE)
        beside.replace(file)
    except OSError as exc:
        raise InvalidRequest(f"{file}: {exc.strerror}") from exc
    return file


def _private_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(65_536)
    except OSError as exc:
        raise InvalidRequest(f"signing key {path}: {exc.strerror}") from exc
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise InvalidRequest(f"signing key {path}: others may read it (mode {stat.S_IMODE(mode):o}); chmod 600 it")
    return data


def _from_json(data: bytes, path: Path) -> dict[str, Any]:
    try:
        jwk = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise InvalidRequest(f"signing key {path}: neither a JWK nor PEM") from exc
    if not isinstance(jwk, dict):
        raise InvalidRequest(f"signing key {path}: a JWK is an object")
    return jwk


def _from_pem(data: bytes, path: Path) -> dict[str, Any]:
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InvalidRequest(f"signing key {path}: not a private key in PEM without a password") from exc
    if isinstance(key, RSAPrivateKey):
        return dict(RSAKey.import_key(key).as_dict(private=True))
    if isinstance(key, EllipticCurvePrivateKey):
        return dict(ECKey.import_key(key).as_dict(private=True))
    if isinstance(key, Ed25519PrivateKey):
        return dict(OKPKey.import_key(key).as_dict(private=True))
    raise InvalidRequest(f"signing key {path}: a key is RSA, EC with P-256 or Ed25519")


def _file_name(kid: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in kid)[:80]
