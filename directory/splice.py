"""Objects and lists put together from bytes that are already encoded, in JSON and in MessagePack.

A manifest is encoded once; its few live fields and the list around it are added as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bus.codec import MSGPACK, encode


def opened(fields: Mapping[str, Any], more: int, form: str) -> bytes:
    """An object with `fields`, still open for exactly `more` (at least one) fields, which `closed` adds."""
    data = encode(fields, form)
    if form == MSGPACK:
        return _map_header(len(fields) + more) + _inside(data, len(fields))
    return data[:-1] + b"," if fields else b"{"


def closed(begun: bytes, fields: Mapping[str, Any], form: str) -> bytes:
    """`begun` with its last `fields`, which are not empty."""
    data = encode(fields, form)
    return begun + (_inside(data, len(fields)) if form == MSGPACK else data[1:])


def listing(name: str, items: Sequence[bytes], more: Mapping[str, Any], form: str) -> bytes:
    """The object `{name: [items…], **more}`; `more` is not empty."""
    if form == MSGPACK:
        head = _map_header(1 + len(more)) + encode(name, form) + _array_header(len(items))
        return b"".join((head, *items, _inside(encode(more, form), len(more))))
    return b'{"%b":[%b],%b' % (name.encode(), b",".join(items), encode(more, form)[1:])


def _inside(packed: bytes, count: int) -> bytes:
    """A packed map without its header."""
    return packed[len(_map_header(count)) :]


def _map_header(count: int) -> bytes:
    return _header(count, 0x80, b"\xde", b"\xdf")


def _array_header(count: int) -> bytes:
    return _header(count, 0x90, b"\xdc", b"\xdd")


def _header(count: int, fix: int, short: bytes, long: bytes) -> bytes:
    if count < 16:
        return bytes((fix | count,))
    return short + count.to_bytes(2, "big") if count < 65_536 else long + count.to_bytes(4, "big")
