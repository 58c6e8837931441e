"""Bytes to values and back: JSON and MessagePack, told apart by `Content-Type`, JSON when absent.

A body is answered in the form it was asked in. Depth is bounded here, so that nothing behind this door recurses
over a stranger's structure without a bound.
"""

from __future__ import annotations

from typing import Any

import msgpack
import orjson

from bus.errors import Malformed, UnsupportedMedia

JSON = "application/json"
MSGPACK = "application/msgpack"
MAX_DEPTH = 32

_MSGPACK_NAMES = frozenset({MSGPACK, "application/x-msgpack", "application/vnd.msgpack"})


def content_type(header: str | None) -> str:
    """The form a `Content-Type` header names: JSON or MSGPACK. Raises UnsupportedMedia."""
    if header is None or header == JSON:
        return JSON
    bare = header.partition(";")[0].strip().lower()
    if bare in (JSON, "", "text/json", "text/plain"):
        return JSON
    if bare in _MSGPACK_NAMES:
        return MSGPACK
    raise UnsupportedMedia(f"Content-Type: {JSON} or {MSGPACK}, not {bare[:80]!r}")


def decode(data: bytes, form: str = JSON, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of `data`. Raises Malformed: not of that form, or nested deeper than `max_depth`."""
    try:
        value = msgpack.unpackb(data) if form == MSGPACK else orjson.loads(data)
    except (ValueError, RecursionError, TypeError, msgpack.exceptions.UnpackException) as exc:
        raise Malformed(f"the body is not {_NAMES[form]}: {_reason(exc)}") from exc
    brackets = data.count(b"{") + data.count(b"[") if form == JSON else max_depth + 1
    if brackets > max_depth and not within_depth(value, max_depth):  # so few brackets cannot nest too deep
        raise Malformed(f"the body is nested deeper than {max_depth} levels", details={"limit": max_depth})
    return value


def decode_object(data: bytes, form: str = JSON) -> dict[str, Any]:
    """As decode, for a body that must be an object; an empty body is an empty object. Raises Malformed."""
    value = decode(data, form) if data else {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Malformed("the body is not an object with names as keys")
    return value


def encode(value: Any, form: str = JSON) -> bytes:
    """`value` as bytes of that form."""
    if form == MSGPACK:
        return bytes(msgpack.packb(value, datetime=True))
    return orjson.dumps(value)


def within_depth(value: Any, limit: int) -> bool:
    """Whether no path through the lists and objects of `value` is longer than `limit`; no recursion."""
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return True
    return False


def _children(value: Any) -> list[Any]:
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return [child for child in inner if type(child) is dict or type(child) is list]


def _reason(exc: Exception) -> str:
    return str(exc).partition("\n")[0][:200] or type(exc).__name__


_NAMES = {JSON: "JSON", MSGPACK: "MessagePack"}
