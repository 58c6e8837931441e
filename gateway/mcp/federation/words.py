"""The words of a text by which a tool is found: lower case, singular, without those that tell nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST_TEXT = 2_000
"""Characters of a description that count."""

_NAME, _DESCRIPTION, _PARAMETER = 6, 3, 2
OWNER = 2
"""The weight of a word that only the tool's member says."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_TELLING_NOTHING = "a an and are be by can for from i in is it me my of on or that the this to tool want with which you"
_STOP = frozenset(_TELLING_NOTHING.split(" "))


def words_of(text: str) -> list[str]:
    """The telling words of `text`, each once; `camelCase` and `snake_case` are several."""
    words = (singular(word.lower()) for word in _WORD.findall(_HUMP.sub(" ", text)))
    return list(dict.fromkeys(word for word in words if word not in _STOP))


def singular(word: str) -> str:
    """`word` without a plural's ending."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def weighed(texts: Iterable[str], weight: int) -> dict[str, int]:
    """Every word of `texts` with that weight."""
    return {word: weight for text in texts for word in words_of(text[:LONGEST_TEXT])}


def said_by(own: str, tool: Mapping[str, Any]) -> dict[str, int]:
    """What a tool called `own` says of itself: each word with the weight of the best place it stands in."""
    schema = tool.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    parameters = properties if isinstance(properties, Mapping) else {}
    described = (value.get("description") for value in parameters.values() if isinstance(value, Mapping))
    return (
        weighed((*parameters, *(one for one in described if isinstance(one, str))), _PARAMETER)
        | weighed((str(tool.get("description") or ""),), _DESCRIPTION)
        | weighed((own, str(tool.get("title") or "")), _NAME)
    )
