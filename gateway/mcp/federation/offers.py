"""What a member offers, as the federation lists it: its tools under the federation's names, ready as bytes.

A tool that no MCP client could read (an input schema that is not an object's, say) is left out: clients check a list
as a whole, and one bad entry would cost them all the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from mcp_types import Tool
from pydantic import ValidationError

from bus.hygiene import clean, clean_object, may_need_cleaning
from gateway.mcp.federation.naming import exposed
from gateway.mcp.federation.words import said_by

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object"}
"""The input schema of a tool that announced none."""

SUMMARY = 300
"""Characters of a description that a search result shows."""

_OWN_FIELDS = ("id", "name", "description", "version", "tags", "capabilities", "tools", "status")


@dataclass(frozen=True, slots=True)
class ListedTool:
    """One tool of a member, as `tools/list` shows it."""

    name: str
    """Its name in the federation."""
    member: str
    own: str
    """Its name at the member."""
    body: bytes
    """The MCP tool object as JSON, under the federation's name."""
    summary: str = ""
    """The beginning of its description."""
    words: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    """What it is found by, each word with its weight."""

    @property
    def harmless(self) -> bool:
        """Whether its member declares that it may run twice: it changes nothing, or the same again."""
        hints = self.definition.get("annotations") or {}
        return hints.get("readOnlyHint") is True or hints.get("idempotentHint") is True

    @property
    def definition(self) -> dict[str, Any]:
        """The MCP tool object."""
        told: dict[str, Any] = orjson.loads(self.body)
        return told


@dataclass(frozen=True, slots=True)
class Offer:
    """A member and what it offers; equal digests say the same."""

    id: str
    name: str
    description: str
    version: str
    tags: frozenset[str]
    capabilities: frozenset[str]
    active: bool
    """Whether it is listed; a stale member is not, and can be called all the same."""
    digest: bytes
    tools: tuple[ListedTool, ...]
    bodies: tuple[bytes, ...]
    """Its tools as JSON."""


def digest_of(manifest: Mapping[str, Any]) -> bytes:
    """Equal for two manifests that list alike, whatever heartbeats told since."""
    said = [manifest.get(field) for field in _OWN_FIELDS]
    return hashlib.blake2b(orjson.dumps(said), digest_size=16).digest()


def offer_of(manifest: Mapping[str, Any], tools: Sequence[ListedTool]) -> Offer:
    """The offer of a manifest as the directory shows it; `tools` are its tools, made one by one."""
    listed = {tool.name: tool for tool in tools}.values()
    return Offer(
        id=manifest["id"],
        name=manifest["name"],
        description=manifest.get("description", ""),
        version=manifest["version"],
        tags=frozenset(manifest.get("tags", ())),
        capabilities=frozenset(manifest.get("capabilities", ())),
        active=manifest.get("status", "active") == "active",
        digest=digest_of(manifest),
        tools=tuple(listed),
        bodies=tuple(tool.body for tool in listed),
    )


def listed_tool(manifest: Mapping[str, Any], tool: Mapping[str, Any]) -> ListedTool | None:
    """`tool` of a member's manifest as the federation lists it; None where no client could read it."""
    own = tool["name"]
    name = exposed(manifest["id"], own)
    shown = {
        "name": name,
        "inputSchema": NO_ARGUMENTS,
        **{field: value for field, value in tool.items() if field not in ("name", "server") and value is not None},
        "description": f"[{manifest['name']}] {tool.get('description') or own}",
    }
    if not _readable(shown):
        return None
    body, summary = orjson.dumps(shown), str(tool.get("description") or "")[:SUMMARY]
    if may_need_cleaning(body):  # the directory does so too: this is for one that did not
        body, summary = orjson.dumps(clean_object(shown)), clean(summary)
    return ListedTool(name, manifest["id"], own, body, summary, said_by(own, tool))


def _readable(tool: Mapping[str, Any]) -> bool:
    schema = tool["inputSchema"]
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return False
    try:
        Tool.model_validate(tool)
    except ValidationError:
        return False
    return True
