"""A member as its live instances make it: which manifest is shown, and whether it is active.

The bucket may hold a record somebody wrote by hand, so nothing here trusts the shape of a manifest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from bus.messages import Status
from directory.record import Record

Place = tuple[str, str]
"""Where a member stands in an ordered list: its name without case, then its id."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One state of a member. A change makes another `Member`, so `is` tells whether anything changed."""

    id: str
    status: Status
    """Active while one instance is, else stale."""
    shown: Record
    """The instance whose manifest discovery shows: of the best status, one that is signed, the highest epoch."""
    instances: tuple[Record, ...]
    """Every live instance, by instance id."""
    place: Place
    version: str
    """As it was written; the empty text where none was."""
    tags: tuple[str, ...]
    capabilities: tuple[str, ...]
    tools: tuple[dict[str, Any], ...]

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.shown.manifest

    @property
    def registered_at(self) -> float:
        """Unix seconds since which the member has been here without a break."""
        return min(record.registered_at for record in self.instances)


by_place = attrgetter("place")
"""The key that sorts members."""


def member_of(instances: Sequence[Record]) -> Member | None:
    """The member these live instances of one id are; None when there are none."""
    if not instances:
        return None
    shown = max(instances, key=_standing)
    said = shown.manifest
    return Member(
        id=shown.who.member,
        status=shown.status,
        shown=shown,
        instances=tuple(instances),
        place=(name_of(said, shown.who.member).casefold(), shown.who.member),
        version=version_of(shown),
        tags=words(said, "tags"),
        capabilities=words(said, "capabilities"),
        tools=tools_of(said),
    )


def name_of(manifest: Mapping[str, Any], default: str) -> str:
    """The name a manifest gives, or `default`."""
    name = manifest.get("name")
    return name if isinstance(name, str) and name else default


def version_of(record: Record) -> str:
    """The version a record gives, or the empty text, which no range but `*` holds."""
    version = record.manifest.get("version")
    return version if isinstance(version, str) else ""


def words(manifest: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """The words of a list field, each once, in their order."""
    return tuple(dict.fromkeys(word for word in _list(manifest, field) if isinstance(word, str)))


def tools_of(manifest: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The MCP tool objects a manifest lists."""
    return tuple(tool for tool in _list(manifest, "tools") if isinstance(tool, dict))


def _standing(record: Record) -> tuple[bool, bool, int, str]:
    return record.status is Status.ACTIVE, record.signed is not None, record.epoch, record.who.instance


def _list(manifest: Mapping[str, Any], field: str) -> list[Any]:
    value = manifest.get(field)
    return value if isinstance(value, list) else []
