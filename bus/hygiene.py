"""The words of strangers, before anybody is shown them: bounded, and without what nobody can see. Pure.

A tool's description is read by a model. What a person who looks at it cannot see (control and zero-width characters,
text that runs backwards, the invisible alphabet of Unicode's tag block) is how instructions are hidden in it. Line
breaks and tabs stay, and so does every letter of every script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_LINE = 200
"""Characters of a name or a title."""
MAX_WORDS = 16_384
"""Characters of a description, of instructions, of any other text in a tool object."""
MAX_DEPTH = 64
CUT = "…"

_DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_SMUGGLING = r"\U000e0000-\U000e0fff"
"""The tag block and the supplementary variation selectors, each a whole invisible alphabet."""
_ZERO_WIDTH = r"\u00ad\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufe00-\ufe0f\ufeff"
_BLANK_LETTERS = r"\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_FORMAT = r"\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U00013430-\U0001345f"
_SURROGATES = r"\ud800-\udfff"
_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"

_UNSEEN = re.compile(f"[{_CONTROLS}{_DIRECTION}{_ZERO_WIDTH}{_BLANK_LETTERS}{_FORMAT}{_SURROGATES}{_SMUGGLING}]")
_UNSEEN_ASCII = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NEVER_DATA = re.compile(f"[{_DIRECTION}{_SURROGATES}{_SMUGGLING}]")
"""What no honest value of a schema holds. Other unseen characters may be meant: a separator, a joiner in a name."""
_BREAKS = re.compile(r"[\n\t\r\u2028\u2029\x85]")
_LINES = re.compile(r"\r\n?|[\u2028\u2029\x85]")

DATA_FIELDS = frozenset({
    "const", "default", "enum", "example", "examples", "pattern", "required", "dependentRequired", "$ref", "$id",
    "uri", "uriTemplate", "src", "mimeType", "endpoints", "data", "blob", "nextCursor",
})  # fmt: skip
"""What is compared with or followed, and not only shown: cleaned less and not cut, for it would be something else."""
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Objects whose keys are somebody's names, whatever those would mean elsewhere."""
_LINE_FIELDS = frozenset({"name", "title"})
MAX_TEXT = 1 << 20
"""Characters of a `text`: what a prompt puts before a model may be long."""

_ESCAPES = re.compile(rb"\\[urbf]")
_LINE_FIELD = re.compile(rb'"(?:title|name)":"(?:[^"\\]{%d}|[^"]*\\[nt])' % MAX_LINE)


def clean(text: str, limit: int = MAX_WORDS) -> str:
    """`text` without what cannot be seen, at most `limit` characters; the same object where nothing is to be done."""
    if text.isascii():
        if _UNSEEN_ASCII.search(text) is not None:
            text = _UNSEEN_ASCII.sub("", _LINES.sub("\n", text))
    else:
        if _LINES.search(text) is not None:
            text = _LINES.sub("\n", text)
        if _UNSEEN.search(text) is not None:
            text = _UNSEEN.sub("", text)
    return text if len(text) <= limit else text[: limit - 1] + CUT


def clean_line(text: str, limit: int = MAX_LINE) -> str:
    """As `clean`, on one line: for names and titles."""
    if _BREAKS.search(text) is not None:
        text = " ".join(text.split())
    return clean(text, limit)


def clean_object(value: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest, tool, prompt or resource with every word in it cleaned, at any depth, schemas and names too.

    What is nested deeper than `MAX_DEPTH` is left out.
    """
    return {_data(name): _field(name, one, MAX_DEPTH) for name, one in value.items()}


def may_need_cleaning(encoded: bytes) -> bool:
    """Whether there may be something to clean in a JSON text as orjson writes it. Quick; False is certain."""
    if not encoded.isascii() or b"\x7f" in encoded:
        return True
    if b"\\" in encoded and _ESCAPES.search(encoded) is not None:
        return True
    if len(encoded) <= MAX_LINE:
        return b"\\" in encoded
    long = len(encoded) > MAX_WORDS and max(map(len, encoded.split(b'"'))) > MAX_WORDS
    return long or _LINE_FIELD.search(encoded) is not None


def _field(name: str, value: Any, depth: int) -> Any:
    if name in DATA_FIELDS:
        return _data_within(value, depth)
    if isinstance(value, str):
        return clean_line(value) if name in _LINE_FIELDS else clean(value, MAX_TEXT if name == "text" else MAX_WORDS)
    if isinstance(value, dict) and depth > 0:
        known = name not in NAMED
        return {_data(key): _field(key if known else "", one, depth - 1) for key, one in value.items()}
    if isinstance(value, list) and depth > 0:
        return [_field("", one, depth - 1) for one in value]
    return None if isinstance(value, dict | list) else value


def _data_within(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _data(value)
    if isinstance(value, dict) and depth > 0:
        return {_data(key): _data_within(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list) and depth > 0:
        return [_data_within(one, depth - 1) for one in value]
    return None if isinstance(value, dict | list) else value


def _data(text: str) -> str:
    return text if text.isascii() or _NEVER_DATA.search(text) is None else _NEVER_DATA.sub("", text)
