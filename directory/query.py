"""Which members a query means, in which order, and which of them a page shows.

Exact conditions are answered by the registry as it stands now, ranked text by the text index a moment behind it; both
must hold. The order is stable: best text first, else by name, then by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from operator import and_
from typing import Any, Generic, Protocol, TypeVar

from bus.messages import Filter, Paged, StatusFilter, ToolsQuery
from directory.member import Member, by_place
from directory.registry import Registry
from directory.versions import Range, read_range
from directory.words import compounds, spelled

Item = TypeVar("Item")
_NOBODY: frozenset[str] = frozenset()


class Ranking(Protocol):
    """Text search as a query needs it."""

    def readings(self, text: str) -> Iterator[Mapping[str, float]]:
        """Members with their scores, the strictest reading of `text` first."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a longer list."""

    items: Sequence[Item]
    total: int
    """Items in the whole list."""
    page: int
    limit: int

    @property
    def next_page(self) -> int | None:
        return self.page + 1 if self.page * self.limit < self.total else None

    def numbers(self) -> dict[str, Any]:
        """What a reply says of the page beside its items."""
        return {"total": self.total, "page": self.page, "limit": self.limit, "next_page": self.next_page}


@dataclass(frozen=True, slots=True)
class Conditions:
    """The exact part of a filter."""

    status: StatusFilter
    among: AbstractSet[str] | None
    """Members with every wanted tag and capability; None: nothing of that kind is wanted."""
    unwanted: AbstractSet[str]
    versions: Range | None
    judged: dict[str, bool] = field(default_factory=dict)
    """Versions already compared: many members share few."""

    def hold(self, member: Member) -> bool:
        """Whether `member` satisfies all of them."""
        return (
            self.status in ("any", member.status)
            and (self.among is None or member.id in self.among)
            and member.id not in self.unwanted
            and self.holds_version(member.version)
        )

    def holds_version(self, version: str) -> bool:
        """Whether `version` is in the wanted range."""
        if self.versions is None:
            return True
        judged = self.judged.get(version)
        if judged is None:
            judged = self.judged[version] = self.versions.holds(version)
        return judged


def conditions(registry: Registry, wanted: Filter) -> Conditions:
    """The exact conditions of `wanted`. Raises InvalidRequest for an unreadable version range."""
    sets = [registry.tagged(tag) for tag in wanted.tag] + [registry.capable(one) for one in wanted.capability]
    sets.sort(key=len)
    return Conditions(
        status=wanted.status,
        among=reduce(and_, sets) if sets else None,
        unwanted=_NOBODY.union(*map(registry.tagged, wanted.without_tag)),
        versions=read_range(wanted.version) if wanted.version is not None else None,
    )


def find(registry: Registry, text: Ranking, wanted: Filter) -> Sequence[Member]:
    """The members that `wanted` means, in order. Read it now: it may be the registry's own list."""
    must = conditions(registry, wanted)
    if wanted.q:
        return _ranked(registry, text.readings(wanted.q), must)
    return _in_order(registry, must)


def page_of(found: Sequence[Item], asked: Paged) -> Page[Item]:
    """The part of `found` that the query asked for."""
    start = (asked.page - 1) * asked.limit
    return Page(found[start : start + asked.limit], len(found), asked.page, asked.limit)


def tools_page(owners: Sequence[Member], asked: ToolsQuery) -> Page[tuple[str, dict[str, Any]]]:
    """A page of the owners' tools, each with its member's id; with text, each member's best matching tools first."""
    start = (asked.page - 1) * asked.limit
    total = sum(len(owner.tools) for owner in owners)
    words = [part for one in compounds(asked.q or "") for part in one.parts]
    entries = ((owner.id, tool) for owner in owners for tool in _best_first(owner.tools, words))
    return Page(list(islice(entries, start, start + asked.limit)), total, asked.page, asked.limit)


def _ranked(registry: Registry, readings: Iterable[Mapping[str, float]], must: Conditions) -> list[Member]:
    for scores in readings:
        found = [member for member in map(registry.get, scores) if member is not None and must.hold(member)]
        if found:
            found.sort(key=by_place)
            found.sort(key=lambda member: scores[member.id], reverse=True)
            return found
    return []


def _in_order(registry: Registry, must: Conditions) -> Sequence[Member]:
    """Few members are looked up and sorted; of many, the list that is in order already is filtered."""
    if must.among is not None and len(must.among) * 8 < len(registry):
        some = map(registry.get, must.among)
        return sorted((member for member in some if member is not None and must.hold(member)), key=by_place)
    members = registry.in_order(must.status)
    if must.among is not None:
        members = [member for member in members if member.id in must.among]
    if must.unwanted:
        members = [member for member in members if member.id not in must.unwanted]
    if must.versions is not None:
        members = [member for member in members if must.holds_version(member.version)]
    return members


def _best_first(tools: Sequence[dict[str, Any]], words: Sequence[str]) -> Sequence[dict[str, Any]]:
    return sorted(tools, key=lambda tool: -_hits(tool, words)) if words and len(tools) > 1 else tools


def _hits(tool: Mapping[str, Any], words: Sequence[str]) -> int:
    said = spelled(" ".join(str(tool.get(key) or "") for key in ("name", "title", "description")))
    return sum(word in said for word in words)
