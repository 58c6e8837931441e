"""Secrets taken out of what is written down: log lines, events, errors. Pure.

Known forms are found wherever they stand: bearer tokens, API keys, passwords in URLs, NATS seeds, JWTs, private keys,
and values that a name announces (`password=…`, `"x-api-key": "…"`). It is the last net, not a licence to log secrets:
a secret in no known form passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HIDDEN = "***"
MAX_DEPTH = 16
"""Structures nested deeper are replaced whole by `masked_value`."""

_NAMES = ("authorization", "cookie", "key", "token", "password", "passwd", "passphrase", "pwd", "secret", "seed",
          "credentials")  # fmt: skip
"""How names end that announce a secret."""
_KEYS = re.compile(r"(?:api|access|private|signing|session|secret)[-_ ]?key", re.IGNORECASE)
"""The only keys that are secrets: the others are those of a bucket, a key set, a mapping."""
_SECRET_NAME = re.compile(
    rf"(?:.*[-_.])?(?:{'|'.join(name for name in _NAMES if name != 'key')}|{_KEYS.pattern})", re.IGNORECASE
)

_LIKELY = r"(?=[^\s\"'\\]*[^a-z\s\"'\\.,;:)])"
"""Something beside small letters: `Bearer tokens are needed` tells no token."""
_SCHEME = r"(?:bearer|basic|digest|negotiate|dpop)"
_QUOTED = re.compile(r"(\\{0,7}[\"']\s*[:=]\s*b?\\{0,7}[\"'])[^\"'\\]+")
"""Behind a name: `": "value`, also inside a JSON text that is itself a JSON value."""
_PLAIN = re.compile(r"(\s*=\s*\\{0,7}[\"']?)[^\s\"'\\&;,]+")
"""Behind a name: `=value`, as in queries and forms."""
_HEADER = re.compile(
    rf"(:\s*)(?:{_SCHEME}\s+[^\s\"'\\]+|[^\s\"'\\=]{{1,200}}=[^\"'\\\r\n]*|{_LIKELY}[^\s\"'\\]{{8,}})", re.IGNORECASE
)
"""Behind a name: `: value`, as in a request's head. `Authorization: one is needed` is no such thing."""
_ANNOUNCED = (_QUOTED, _PLAIN, _HEADER)
_IN_WORDS = frozenset({"authorization", "cookie", "key"})
"""Names that are followed by `: value` where a head is told; behind the others a colon begins a sentence."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of secret, told by itself. It is looked for only in a text with one of its signs: that is quick."""

    signs: tuple[str, ...]
    """In lower case."""
    found: re.Pattern[str]
    put: str
    """What stands in its place, as `re.sub` takes it."""


_FORMS = (
    Form(
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----"
            r"(?:[^\"]{0,20000}?-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----|(?:[A-Za-z0-9+/=\s]|\\[nr])*)"
        ),
        f"{HIDDEN} private key",
    ),
    Form(
        ("bearer", "basic"),
        re.compile(r"\b([Bb]earer|[Bb]asic|BEARER|BASIC)(?:\s+|%20|\+)" + _LIKELY + r"[A-Za-z0-9._~+/=%-]{8,}"),
        rf"\g<1> {HIDDEN}",
    ),
    Form(("omk_",), re.compile(r"omk_[A-Za-z0-9_.~-]+"), f"omk_{HIDDEN}"),
    Form(("@",), re.compile(r"://[^\s\"'<>/@\\]+@"), f"://{HIDDEN}@"),
    Form(
        ("ey", "ewo"),
        re.compile(r"e(?<![A-Za-z0-9_-]e)(?:y[A-Z]|wo)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}"),
        f"{HIDDEN} token",
    ),
)
_SEED = re.compile(r"S(?<![A-Za-z0-9_]S)[AUONCXP][A-Z2-7]{24,}")
"""Cut short it is a secret still. It has no sign: `su` stands in every second line."""


def masked(text: str) -> str:
    """`text` with every secret of a known form hidden; the same text where there is none."""
    small = _lower(text)
    for name in _NAMES:
        if name in small:
            text = _after(name, text, small)
            small = _lower(text)
    for form in _FORMS:
        for sign in form.signs:
            if sign in small:
                text = form.found.sub(form.put, text)
                break
    return _SEED.sub(f"{HIDDEN} seed", text) if "S" in text else text


def is_secret_name(name: str) -> bool:
    """Whether a field of that name holds a secret: `password`, `X-Api-Key`, `refresh_token` …"""
    return _SECRET_NAME.fullmatch(name) is not None


def masked_value(value: Any, *, depth: int = MAX_DEPTH) -> Any:
    """`value` with every text in it masked, and hidden where its field's name announces a secret."""
    if isinstance(value, str):
        return masked(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == 0:
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: _masked_field(name, one, depth) for name, one in value.items()}
    return [masked_value(one, depth=depth - 1) for one in value]


def _masked_field(name: object, value: Any, depth: int) -> Any:
    if isinstance(value, str) and isinstance(name, str) and is_secret_name(name):
        return HIDDEN
    return masked_value(value, depth=depth - 1)


def _after(name: str, text: str, small: str) -> str:
    """`text` with the value behind every place of `name` hidden; `small` is the same in lower case."""
    kept, done, place = [], 0, small.find(name)
    while place >= 0:
        end = place + len(name)
        value = _announced(name, text, place, end) if place >= done else None
        if value is not None:
            kept += [text[done : value.end(1)], HIDDEN]
            done = value.end()
        place = small.find(name, end)
    return "".join([*kept, text[done:]])


def _announced(name: str, text: str, place: int, end: int) -> re.Match[str] | None:
    if name == "key" and not any(_KEYS.fullmatch(text, begin, end) for begin in range(max(0, place - 8), place)):
        return None
    forms = _ANNOUNCED if name in _IN_WORDS else _ANNOUNCED[:2]
    return next((found for form in forms if (found := form.match(text, end))), None)


def _lower(text: str) -> str:
    """`text` in lower case, every character at its place (a few become two)."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c.lower()[:1] for c in text)
