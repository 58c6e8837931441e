"""What members say to a model, without what nobody can see: their lists, their instructions, their prompts.

The results of tools and the contents of resources are data and stay as they are, to the byte.
"""

from __future__ import annotations

from typing import Any

import orjson

from bus.hygiene import clean_object, may_need_cleaning

WORDS = frozenset(
    {"server/discover", "tools/list", "prompts/list", "prompts/get", "resources/list", "resources/templates/list"}
)
"""The methods whose results are words."""


def cleaned(method: str, body: bytes) -> bytes:
    """The JSON-RPC response of a member with the words in its result cleaned; the same bytes where they were clean."""
    if method not in WORDS or not may_need_cleaning(body):
        return body
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    result: Any = told.get("result") if isinstance(told, dict) else None
    if not isinstance(result, dict):
        return body
    seen = clean_object(result)
    return body if seen == result else orjson.dumps({**told, "result": seen})
