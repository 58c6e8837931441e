"""One value of a JSON text, found and replaced in place: all other bytes stay as the client wrote them.

Decoding and encoding anew would round large integers and spell numbers differently; a forwarder must not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

MAX_TOKENS = 20_000
"""How far a value is looked for. What comes later in a text is replaced by encoding the whole anew."""

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_OPEN = frozenset((b"{", b"["))
_CLOSE = frozenset((b"}", b"]"))
_Tokens = Iterator["re.Match[bytes]"]


def span(text: bytes, path: Sequence[str]) -> tuple[int, int] | None:
    """Where the value at `path` begins and ends in a valid JSON text; None where it is not, or not near.

    Of a repeated key the first is found.
    """
    tokens = islice(_TOKEN.finditer(text), MAX_TOKENS)
    if not all(_enter(tokens, orjson.dumps(key)) for key in path):
        return None
    return _extent(tokens)


def replaced(text: bytes, message: Mapping[str, Any], path: Sequence[str], value: str) -> bytes:
    """`text`, of which `message` is the decoded form, with `value` at `path`, which is in it."""
    place = _sure_span(text, message, path)
    if place is not None:
        changed = text[: place[0]] + orjson.dumps(value) + text[place[1] :]
        if not _may_repeat(text, path) or _at(orjson.loads(changed), path) == value:
            return changed
    return orjson.dumps(_with(message, path, value))


def raw(text: bytes, message: Mapping[str, Any], path: Sequence[str]) -> bytes:
    """The bytes of the value at `path`, which is in `message`, as `text` spells it."""
    place = _sure_span(text, message, path)
    return orjson.dumps(_at(message, path)) if place is None else text[place[0] : place[1]]


def _sure_span(text: bytes, message: Mapping[str, Any], path: Sequence[str]) -> tuple[int, int] | None:
    """The span, unless a repeated key makes it another value than the one a decoder takes."""
    place = span(text, path)
    same = place is not None and orjson.loads(text[place[0] : place[1]]) == _at(message, path)
    return place if same else None


def _may_repeat(text: bytes, path: Sequence[str]) -> bool:
    """Whether a key of `path` may be in `text` twice: then the one that a decoder takes may be another."""
    return b"\\u" in text or any(text.count(orjson.dumps(key)) > 1 for key in path)


def _enter(tokens: _Tokens, key: bytes) -> bool:
    """Go into the object that comes next, up to the value of `key`; False: no object, or no such key."""
    depth, last = 0, b""
    for found in tokens:
        token = found.group()
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
        elif token == b":" and depth == 1 and last == key:
            return True
        if depth == 0 or (depth == 1 and token == b"["):
            return False
        last = token
    return False


def _extent(tokens: _Tokens) -> tuple[int, int] | None:
    depth, begin = 0, -1
    for found in tokens:
        begin = found.start() if begin < 0 else begin
        depth += (found.group() in _OPEN) - (found.group() in _CLOSE)
        if depth == 0:
            return begin, found.end()
    return None


def _at(message: Any, path: Sequence[str]) -> Any:
    for key in path:
        message = message[key]
    return message


def _with(message: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    key, *rest = path
    return {**message, key: _with(message[key], rest, value) if rest else value}
