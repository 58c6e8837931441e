"""NATS's own keys: Ed25519, written as text that says what the key is for.

A public key is base32 of a type byte, 32 bytes and a checksum (CRC-16/XMODEM, little endian); a seed has two type
bytes.
As in github.com/nats-io/nkeys.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_SEED = 18 << 3
_SIZE = 32


class Kind(IntEnum):
    """What a key is for; the first letter of its text."""

    OPERATOR = 14 << 3
    ACCOUNT = 0
    USER = 20 << 3


class NotAKey(ValueError):
    """The text is not a NATS key of the wanted kind."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """A key that can sign. Its `repr` shows the public half only."""

    kind: Kind
    secret: bytes

    def __repr__(self) -> str:
        return f"KeyPair({self.public})"

    @staticmethod
    def fresh(kind: Kind) -> KeyPair:
        """A new one, from the system's randomness."""
        return KeyPair(kind, os.urandom(_SIZE))

    @staticmethod
    def from_seed(seed: str, kind: Kind) -> KeyPair:
        """The key that `seed` (`SU…`, `SA…`, `SO…`) is. Raises NotAKey."""
        raw = _decoded(seed)
        if len(raw) != _SIZE + 2 or raw[0] & 0xF8 != _SEED or ((raw[0] & 7) << 5 | raw[1] >> 3) != kind:
            raise NotAKey(f"not the seed of a key for an {kind.name.lower()}")
        return KeyPair(kind, raw[2:])

    @property
    def seed(self) -> str:
        """The secret as text."""
        return _encoded(bytes((_SEED | self.kind >> 5, (self.kind & 31) << 3)) + self.secret)

    @property
    def public(self) -> str:
        """The public half as text (`U…`, `A…`, `O…`)."""
        return _encoded(bytes((self.kind,)) + self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(message)

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


def verified(public: str, message: bytes, signature: bytes) -> bool:
    """Whether the key `public` signed `message`. Raises NotAKey."""
    raw = _decoded(public)
    if len(raw) != _SIZE + 1:
        raise NotAKey("not a public key")
    try:
        Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_public(text: str, kind: Kind) -> bool:
    """Whether `text` is a public key for `kind`."""
    try:
        raw = _decoded(text)
    except NotAKey:
        return False
    return len(raw) == _SIZE + 1 and raw[0] == kind


def _encoded(raw: bytes) -> str:
    checked = raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError) as exc:
        raise NotAKey("not a NATS key: not base32") from exc
    if len(raw) < 3 or binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        raise NotAKey("not a NATS key: its checksum is wrong")
    return raw[:-2]
