"""Names that become part of a subject, a KV key or a URL, checked before they do.

A member named `*` would be everybody and one named `a.b` two tokens, so the grammar has no wildcard, dot or space.
"""

from __future__ import annotations

import re

from bus.errors import InvalidRequest

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
ANY_INSTANCE = "any"
DEFAULT_INSTANCE = "default"
UNSAFE_NAME = "_"
"""The token a name travels as when it is not one itself; the name is then in the `Mcp-Name` header."""

MAX_TOOL_NAME = 128
MEMBER_ROOT = "omega://member/"
"""How the URI of a member's resource begins in the federation."""

_ID = re.compile(ID_PATTERN[1:-1])
_MEMBER_URI = re.compile(rf"{re.escape(MEMBER_ROOT)}({ID_PATTERN[1:-1]})/(.+)", re.DOTALL)
_TOKEN = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_TOOL_NAME}}}")


def is_id(value: str) -> bool:
    """Whether `value` may be a member or instance id: 1 to 64 of `A-Z a-z 0-9 _ -`."""
    return _ID.fullmatch(value) is not None


def checked_member(value: str, field: str = "id") -> str:
    """`value`, when it may be a member id. Raises InvalidRequest naming `field`."""
    if not is_id(value):
        raise InvalidRequest(
            f"{field}: 1 to 64 letters, digits, '_' or '-', not {_shown(value)}", details={"field": field}
        )
    return value


def checked_instance(value: str, field: str = "instance") -> str:
    """`value`, when it may be an instance id; `any` is kept for "whichever". Raises InvalidRequest naming `field`."""
    if value == ANY_INSTANCE:
        raise InvalidRequest(f"{field}: 'any' means every instance and names none", details={"field": field})
    return checked_member(value, field)


def checked_tool(value: str, field: str = "tool") -> str:
    """`value`, when it may be a tool name: 1 to 128 printable characters. Raises InvalidRequest naming `field`."""
    if not (0 < len(value) <= MAX_TOOL_NAME and value.isprintable()):
        raise InvalidRequest(
            f"{field}: 1 to {MAX_TOOL_NAME} printable characters, not {_shown(value)}", details={"field": field}
        )
    return value


def is_token(name: str) -> bool:
    """Whether `name` may be one token of a subject as it is."""
    return _TOKEN.fullmatch(name) is not None


def token(name: str) -> str:
    """`name` as one subject token: itself where that is safe, else `_`."""
    return name if is_token(name) else UNSAFE_NAME


def member_uri(member: str, uri: str) -> str:
    """The federation's URI, or URI template, for a member's own, which stays in it verbatim."""
    return f"{MEMBER_ROOT}{member}/{uri}"


def parted_uri(uri: str) -> tuple[str, str] | None:
    """The member and its own URI behind `uri`; None when it is no member's."""
    found = _MEMBER_URI.fullmatch(uri)
    return (found[1], found[2]) if found else None


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "…")
