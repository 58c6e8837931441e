"""The manifest: what a member says of itself, checked once where it enters.

Unknown fields are kept, inside the limits of size and depth. What the directory itself knows better (`status`,
`registered_at`, `last_seen`, `instances`) is taken from no member. What nobody can see is taken out of every word
(`bus.hygiene`) before anybody is shown it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import orjson
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from bus.errors import InvalidRequest, TooLarge
from bus.hygiene import clean_object, may_need_cleaning
from bus.names import ID_PATTERN, MAX_TOOL_NAME
from bus.validation import validated

MAX_MANIFEST_BYTES = 256 * 1024
MAX_TOOLS = 2_000
MAX_DESCRIPTION = 16_384
"""Characters of one tool's description."""
DIRECTORY_FIELDS = ("status", "registered_at", "last_seen", "instances", "signed")
"""Fields only the directory writes; a member's own are dropped."""

DEFAULT_HEARTBEAT_S = 30.0

Word = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")]
Url = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")]


class ToolEntry(BaseModel):
    """An MCP tool object; only its name is required here, whatever else it says is kept."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOOL_NAME)]
    description: Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)] | None = None
    inputSchema: dict[str, Any] | None = None


class Manifest(BaseModel):
    """A member as it announces itself."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, StringConstraints(pattern=ID_PATTERN)] = Field(validation_alias=AliasChoices("id", "service_id"))
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        validation_alias=AliasChoices("name", "display_name")
    )
    description: Annotated[str, StringConstraints(max_length=8_192)] = ""
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "1.0.0"
    capabilities: list[Word] = Field(default_factory=list, max_length=256)
    tags: list[Word] = Field(default_factory=list, max_length=256)
    endpoints: dict[Word, Url] = Field(default_factory=dict, max_length=16)
    tools: list[ToolEntry] = Field(default_factory=list, max_length=MAX_TOOLS)
    protocol_versions: list[Word] = Field(default_factory=list, max_length=16)
    heartbeat_interval_s: float = Field(default=DEFAULT_HEARTBEAT_S, ge=0.2, le=3_600, strict=True)
    epoch: int | None = Field(default=None, ge=0, le=2**53, strict=True)
    """Which life of the instance this is; the directory takes it out of the manifest."""
    site: Annotated[str, StringConstraints(pattern=ID_PATTERN)] | None = None

    @field_validator("capabilities", "tags")
    @classmethod
    def _once_each(cls, words: list[str]) -> list[str]:
        return list(dict.fromkeys(words))


def read_manifest(value: dict[str, Any], *, member: str | None = None) -> dict[str, Any]:
    """`value` as a clean manifest object: checked, aliases resolved, the directory's own fields dropped, and nothing in
    its words that cannot be seen.

    `member` is the id the subject or URL named: it stands in for a missing one and must equal one that is there.
    Raises InvalidRequest (field and limit named) or TooLarge.
    """
    offered = {key: item for key, item in value.items() if key not in DIRECTORY_FIELDS}
    if member is not None:
        _same_id(offered, member)
    checked = validated(Manifest, offered).model_dump(mode="json", exclude_none=True)
    encoded = orjson.dumps(checked)
    size = len(encoded)
    if size > MAX_MANIFEST_BYTES:
        raise TooLarge(
            f"manifest: {size} bytes, the limit is {MAX_MANIFEST_BYTES}", details={"limit": MAX_MANIFEST_BYTES}
        )
    return _visible(checked) if may_need_cleaning(encoded) else checked


def _visible(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with its words cleaned. Raises InvalidRequest where a name that is needed was invisible.

    Of what looks the same afterwards the first is kept; a tool or a word of which nothing is left is left out.
    """
    seen = clean_object(manifest)
    for field in ("name", "version"):
        if not seen[field].strip():
            raise InvalidRequest(f"{field}: nothing of it can be seen", details={"field": field})
    for field in ("tags", "capabilities", "protocol_versions"):
        seen[field] = [word for word in dict.fromkeys(seen[field]) if word.strip()]
    seen["tools"] = list({tool["name"]: tool for tool in reversed(seen["tools"]) if tool["name"]}.values())[::-1]
    return seen


def digest(manifest: dict[str, Any]) -> str:
    """16 hexadecimal digits that two equal manifests share, whatever the order of their fields."""
    canonical = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:16]


def _same_id(offered: dict[str, Any], member: str) -> None:
    named = offered.get("id", offered.get("service_id"))
    if named is None:
        offered["id"] = member
    elif named != member:
        raise InvalidRequest(
            f"id: the manifest says {str(named)[:80]!r}, the subject {member!r}", details={"field": "id"}
        )


__all__ = [
    "DEFAULT_HEARTBEAT_S",
    "DIRECTORY_FIELDS",
    "MAX_DESCRIPTION",
    "MAX_MANIFEST_BYTES",
    "MAX_TOOLS",
    "Manifest",
    "ToolEntry",
    "digest",
    "read_manifest",
]
