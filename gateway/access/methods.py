"""What an MCP request to one member needs, and what of its answer a caller may see. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

import orjson

from bus.access import Scopes

TOOL_CALL = "tools/call"
LISTEN = "subscriptions/listen"
_LOOKING = frozenset(
    {
        "server/discover",
        "initialize",
        "ping",
        "logging/setLevel",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    }
)
_LISTED = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


class Reach(StrEnum):
    """How far into a member a request reaches."""

    SEE = "see"
    CALL = "call"
    """One tool of it."""
    USE = "use"
    """Anything else of it: what is not known to be less."""


def reach_of(method: str, params: Mapping[str, Any]) -> Reach:
    """How far a request reaches."""
    if method == TOOL_CALL:
        return Reach.CALL
    if method == LISTEN:
        wish = params.get("notifications")
        follows = isinstance(wish, Mapping) and wish.get("resourceSubscriptions")
        return Reach.USE if follows or not isinstance(wish, Mapping) else Reach.SEE
    return Reach.SEE if method in _LOOKING else Reach.USE


def is_list(method: str) -> bool:
    """Whether the answer lists what can be used."""
    return method in _LISTED


def shown(method: str, answer: bytes, member: str, tags: Collection[str], scopes: Scopes) -> bytes:
    """A member's answer to a list request without what may not be used of it."""
    told = orjson.loads(answer)
    result = told.get("result") if isinstance(told, dict) else None
    field = _LISTED[method]
    items = result.get(field) if isinstance(result, dict) else None
    if not isinstance(items, list):
        return answer
    if field == "tools":
        told["result"][field] = [item for item in items if _callable(item, member, tags, scopes)]
    else:
        told["result"][field] = []
    return orjson.dumps(told)


def _callable(item: object, member: str, tags: Collection[str], scopes: Scopes) -> bool:
    name = item.get("name") if isinstance(item, Mapping) else None
    return isinstance(name, str) and scopes.may_call(member, name, tags)
