"""A compact JWS taken apart: three pieces, bounded before they are read, believed by nobody. Pure.

`bus.signing` checks what is in one. Here are its sizes, its address and its times, by its own word.
"""

from __future__ import annotations

import base64
import math
import re
from enum import StrEnum
from typing import Any, TypeGuard

from bus.codec import decode_object
from bus.errors import Malformed, Refused, TooLarge
from bus.manifest import MAX_MANIFEST_BYTES

MAX_HEADER_BYTES = 1_024
MAX_PAYLOAD_BYTES = MAX_MANIFEST_BYTES + 2_048
MAX_TOKEN_BYTES = 356 * 1024
"""A payload of that size and its signature, as a compact JWS writes them."""
SKEW_S = 60.0
"""How far two clocks are expected to be apart, at most."""
MAX_SKEW_S = 3_600.0

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class Reason(StrEnum):
    """Why a signed manifest is refused, in one word for programs."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    ALGORITHM = "algorithm"
    """None that is allowed, or none that fits the key."""
    CRITICAL = "critical"
    """It demands an extension that nobody here knows."""
    EMBEDDED_KEY = "embedded_key"
    NO_KEY_ID = "no_key_id"
    UNKNOWN_KEY = "unknown_key"
    FOREIGN_KEY = "foreign_key"
    """A trusted key, and not for this id."""
    BAD_SIGNATURE = "bad_signature"
    CLAIMS = "claims"
    """`iat`, `exp` or `epoch` is missing or no number."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIFETIME = "lifetime"
    """It wants to be valid for longer than is taken."""
    ID_MISMATCH = "id_mismatch"
    INSTANCE_MISMATCH = "instance_mismatch"
    REPLAYED = "replayed"
    """It was used before, or an earlier one of the same life."""
    OLDER_EPOCH = "older_epoch"
    SIGNATURES_OFF = "signatures_off"
    SIGNATURE_REQUIRED = "signature_required"
    UNSIGNED = "unsigned"
    DIFFERS = "differs"
    """What is served is not what was signed."""


def unverified(token: str) -> dict[str, Any]:
    """What a token carries, its signature unchecked: an address, never a proof. Raises Malformed, TooLarge."""
    check_bounds(token)
    return payload_of(decoded(token.split(".")[1], "payload"))


def issued_at(token: str) -> float:
    """When a token was signed, by its own word (Unix seconds); 0 where it does not say."""
    return _moment(token, "iat")


def expires_at(token: str) -> float:
    """When a token ends, by its own word (Unix seconds); 0 where it does not say."""
    return _moment(token, "exp")


def _moment(token: str, claim: str) -> float:
    try:
        told = unverified(token).get(claim)
    except Refused:
        return 0.0
    return float(told) if is_number(told) else 0.0


def check_bounds(token: str) -> None:
    if len(token) > MAX_TOKEN_BYTES:
        raise TooLarge(
            f"signed: {len(token)} characters, the limit is {MAX_TOKEN_BYTES}",
            details={"reason": Reason.TOO_LARGE, "limit": MAX_TOKEN_BYTES},
        )
    if not _COMPACT.fullmatch(token):
        raise malformed("not a compact JWS")


def payload_of(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_PAYLOAD_BYTES:
        raise TooLarge(
            f"signed: the payload is {len(data)} bytes, the limit is {MAX_PAYLOAD_BYTES}",
            details={"reason": Reason.TOO_LARGE, "limit": MAX_PAYLOAD_BYTES},
        )
    return object_of(data, "payload")


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def decoded(segment: str, part: str) -> bytes:
    try:
        return base64.b64decode(segment + "=" * (-len(segment) % 4), b"-_", validate=True)
    except ValueError as exc:
        raise malformed(f"the {part} is not base64url") from exc


def object_of(data: bytes, part: str) -> dict[str, Any]:
    try:
        return decode_object(data)
    except Malformed as exc:
        raise malformed(f"the {part} is not an object: {exc.message}") from exc


def malformed(text: str) -> Malformed:
    return Malformed(f"signed: {text}", details={"reason": Reason.MALFORMED})
