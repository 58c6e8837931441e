"""The arguments of a tool call as people type them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from omega.trouble import WrongUse


def read_arguments(words: Sequence[str]) -> dict[str, Any]:
    """`words` as one arguments object: a single JSON object, or `key=value` each.

    A value is what it says as JSON (`3`, `true`, `null`, `[1,2]`, `"3"`), else the text itself. Raises WrongUse.
    """
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        return read_object(words[0])
    arguments: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise WrongUse(f"{word!r}: key=value, or one JSON object for all arguments")
        if key in arguments:
            raise WrongUse(f"{key!r} is given twice; a list is written {key}='[…]'")
        arguments[key] = read_value(value)
    return arguments


def read_value(text: str) -> Any:
    """`text` as JSON when it is that, else itself."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def read_object(text: str) -> dict[str, Any]:
    """`text` as the JSON object it must be. Raises WrongUse."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise WrongUse(f"the arguments are not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise WrongUse("the arguments are JSON, but not an object")
    return value
