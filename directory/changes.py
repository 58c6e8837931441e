"""What changed in the tools of a known member: names and digests, never the words themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bus.manifest import digest
from directory.member import tools_of

MOST = 50
"""Changes told one by one; whoever changes more has changed."""


@dataclass(frozen=True, slots=True)
class ToolChange:
    """A tool that is described otherwise than before."""

    tool: str
    old: str
    new: str


def changed_tools(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ToolChange]:
    """The tools of both manifests whose description or schema differs. New ones and ones that went are no change."""
    old, new = _by_name(before), _by_name(after)
    changed = [name for name in new.keys() & old.keys() if new[name] != old[name]]
    return [ToolChange(name, digest(old[name]), digest(new[name])) for name in sorted(changed)[:MOST]]


def _by_name(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: tool for tool in tools_of(manifest) if isinstance(name := tool.get("name"), str)}
