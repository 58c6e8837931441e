"""Whose signatures are believed, and for which ids: public keys in JWKS files, each bound to ids or their beginnings.

A key is a JWK with one more member, `"omega:ids": ["my_service", "team-*"]`. A store is one JWKS file or a folder of
them (`*.json`, `*.jwks`), looked at again as it changes; one that is broken keeps the last good one in force.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from bus.codec import decode_object
from bus.errors import InvalidRequest, Malformed

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
"""What may be signed with. `EdDSA` and `Ed25519` are two names of one algorithm here."""
IDS = "omega:ids"
"""The member of a JWK that names the ids it may sign for; a `*` at the end stands for every id that begins so."""
MAX_FILE_BYTES = 1 << 20
MAX_KEYS = 10_000
MIN_RSA_BITS, MAX_RSA_BITS = 2_048, 8_192
LOOK_EVERY_S = 1.0

Key = RSAKey | ECKey | OKPKey

_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}|[A-Za-z0-9_-]{0,63}\*")
_KID = re.compile(r"[\x21-\x7e]{1,128}")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_EDWARDS = frozenset({"EdDSA", "Ed25519"})
_KINDS: Mapping[tuple[str, str], tuple[type[Key], tuple[str, ...], frozenset[str]]] = {
    ("RSA", ""): (RSAKey, ("kty", "n", "e"), frozenset({"RS256"})),
    ("EC", "P-256"): (ECKey, ("kty", "crv", "x", "y"), frozenset({"ES256"})),
    ("OKP", "Ed25519"): (OKPKey, ("kty", "crv", "x"), _EDWARDS),
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name its signatures go by. It is never shown."""

    kid: str
    algorithm: str
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, and what it is trusted with."""

    kid: str
    ids: tuple[str, ...]
    algorithms: frozenset[str]
    key: Key = field(repr=False)

    def speaks_for(self, member: str) -> bool:
        """Whether it may sign for that id."""
        return any(
            member.startswith(pattern[:-1]) if pattern.endswith("*") else member == pattern for pattern in self.ids
        )


class TrustStore:
    """Trusted keys by name. It does not change; a newer one takes its place."""

    def __init__(self, keys: Iterable[TrustedKey] = ()) -> None:
        self._keys = {key.kid: key for key in keys}

    def get(self, kid: str) -> TrustedKey | None:
        return self._keys.get(kid)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def kids(self) -> frozenset[str]:
        return frozenset(self._keys)

    def bindings(self) -> dict[str, tuple[str, ...]]:
        """The ids of each key, by its name."""
        return {kid: key.ids for kid, key in self._keys.items()}

    @staticmethod
    def parse(documents: Mapping[str, bytes]) -> TrustStore:
        """The keys of JWKS documents, named for messages. Raises InvalidRequest that names document and key."""
        found: dict[str, TrustedKey] = {}
        for name, data in documents.items():
            for key in _read_set(name, data):
                known = found.get(key.kid)
                if known is not None and known.key.thumbprint() != key.key.thumbprint():
                    raise InvalidRequest(f"{name}: two different keys are named {key.kid!r}")
                ids = (*known.ids, *key.ids) if known is not None else key.ids
                found[key.kid] = TrustedKey(key.kid, tuple(dict.fromkeys(ids)), key.algorithms, key.key)
        if len(found) > MAX_KEYS:
            raise InvalidRequest(f"{len(found)} trusted keys, the limit is {MAX_KEYS}")
        return TrustStore(found.values())

    @staticmethod
    def load(path: Path) -> TrustStore:
        """The store at `path`, a file or a folder. Blocking. Raises InvalidRequest."""
        try:
            return TrustStore.parse({str(file): _content(file) for file in _files(path)})
        except OSError as exc:
            raise InvalidRequest(f"trust store {path}: {exc.strerror}") from exc


class WatchedStore:
    """The trust store of a running process. Raises InvalidRequest for one that is broken at the start."""

    def __init__(self, path: Path, changed: Callable[[TrustStore, TrustStore], None] | None = None) -> None:
        """`changed` is called with the store before and the one after, on the loop that runs `run`."""
        self._path = path
        self._changed = changed
        self._stamp = _stamp(path)
        self.current = TrustStore.load(path)
        """What is in force now."""

    async def run(self, every_s: float = LOOK_EVERY_S) -> None:
        """Look every so often until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await self.look()

    async def look(self) -> None:
        """Look once; a change that can be read is in force when this returns."""
        stamp = await asyncio.to_thread(_stamp, self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            store = await asyncio.to_thread(TrustStore.load, self._path)
        except InvalidRequest as exc:
            log.error("trust_store_broken", reason=exc.message, kept=len(self.current))
            return
        before, self.current = self.current, store
        log.info("trust_store_loaded", path=str(self._path), keys=len(store))
        if self._changed is not None:
            self._changed(before, store)


def trusted_key(jwk: Mapping[str, Any], where: str = "key") -> TrustedKey:
    """One JWK of a store. Raises InvalidRequest that says what is wrong with it."""
    if _PRIVATE & jwk.keys():
        raise InvalidRequest(f"{where}: this is a private or secret key; a trust store holds public keys only")
    key, algorithms = read_key(jwk, where)
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise InvalidRequest(f"{where}: not a key for signatures (use, key_ops)")
    ids = jwk.get(IDS)
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) and _PATTERN.fullmatch(one) for one in ids):
        raise InvalidRequest(f'{where}: "{IDS}" is a list of ids, or of beginnings of ids with a * behind')
    return TrustedKey(_kid(jwk, key, where), tuple(dict.fromkeys(ids)), algorithms, key)


def read_key(jwk: Mapping[str, Any], where: str, more: tuple[str, ...] = ()) -> tuple[Key, frozenset[str]]:
    """The key material of a JWK and the algorithms it is for; `more` are the members of a private one.

    Raises InvalidRequest: not RSA of 2048 to 8192 bits, P-256 or Ed25519.
    """
    kind = _KINDS.get((str(jwk.get("kty")), str(jwk.get("crv", ""))))
    if kind is None:
        raise InvalidRequest(f"{where}: a key is RSA, EC with P-256 or OKP with Ed25519")
    made, members, algorithms = kind
    try:
        size = _rsa_bits(jwk) if made is RSAKey else MIN_RSA_BITS
        if not MIN_RSA_BITS <= size <= MAX_RSA_BITS:
            raise InvalidRequest(f"{where}: an RSA key of {size} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are taken")
        key = made.import_key({name: jwk[name] for name in (*members, *more) if name in jwk})
        key.thumbprint()  # read now: a key that cannot be used is found here
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise InvalidRequest(f"{where}: not a key of that kind") from exc
    told = jwk.get("alg")
    if told is not None and told not in algorithms:
        raise InvalidRequest(f"{where}: alg {str(told)[:40]!r}; such a key signs with {', '.join(sorted(algorithms))}")
    return key, algorithms


def _rsa_bits(jwk: Mapping[str, Any]) -> int:
    modulus = str(jwk["n"])
    return int.from_bytes(base64.b64decode(modulus + "=" * (-len(modulus) % 4), b"-_", validate=True)).bit_length()


def _read_set(name: str, data: bytes) -> list[TrustedKey]:
    try:
        value = decode_object(data)
    except Malformed as exc:
        raise InvalidRequest(f"{name}: not a JWKS: {exc.message}") from exc
    keys = value.get("keys", [value] if "kty" in value else None)
    if not isinstance(keys, list) or not all(isinstance(jwk, dict) for jwk in keys):
        raise InvalidRequest(f'{name}: not a JWKS: an object with a list "keys"')
    return [trusted_key(jwk, f"{name}, key {number}") for number, jwk in enumerate(keys, start=1)]


def _kid(jwk: Mapping[str, Any], key: Key, where: str) -> str:
    kid = jwk.get("kid", key.thumbprint())
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidRequest(f"{where}: kid is 1 to 128 characters without spaces")
    return kid


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in (".json", ".jwks") and file.is_file())


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise InvalidRequest(f"{file}: more than {MAX_FILE_BYTES} bytes")
    return data


def _stamp(path: Path) -> tuple[object, ...]:
    """What is another one when a file of the store changed."""
    try:
        stats = [(str(file), file.stat()) for file in (path, *_files(path))]
    except OSError:
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in stats)


def public_set(keys: Iterable[Mapping[str, Any]]) -> bytes:
    """A JWKS document of those public JWKs."""
    return orjson.dumps({"keys": list(keys)}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
