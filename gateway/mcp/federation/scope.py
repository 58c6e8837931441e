"""Which part of the federation an endpoint shows, as its query string says: `?tag=&capability=&server=&tools=`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from bus.access import EVERY_SCOPE, Right, Scopes
from bus.errors import InvalidRequest
from bus.names import checked_member

PARAMETERS = ("tag", "capability", "server", "tools")
MAX_VALUES = 32
MAX_WORD = 128


class Shown(StrEnum):
    """What `tools/list` shows."""

    BY_SIZE = "by-size"
    """Every tool, unless there are too many of them: then the discovery tools alone."""
    SEARCH = "search"
    ALL = "all"


class Described(Protocol):
    """A member as a scope sees it."""

    @property
    def id(self) -> str: ...
    @property
    def tags(self) -> AbstractSet[str]: ...
    @property
    def capabilities(self) -> AbstractSet[str]: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the federation: members with every tag and capability, and, where any is named, one of the servers."""

    tags: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    shown: Shown = Shown.BY_SIZE
    allowed: Scopes = EVERY_SCOPE
    """What whoever asks may: what it may not see does not belong to its part of the federation."""

    def holds(self, member: Described) -> bool:
        """Whether `member` belongs to it."""
        return (
            (not self.servers or member.id in self.servers)
            and self.tags <= member.tags
            and self.capabilities <= member.capabilities
            and self.allowed.may_see(member.id, member.tags)
        )

    def uses(self, member: Described) -> bool:
        """Whether all of `member`, which belongs to it, may be used."""
        return self.allowed.may_use(member.id, member.tags)

    def calls(self, member: Described, tool: str) -> bool:
        """Whether that tool of `member`, which belongs to it, may be called."""
        return self.allowed.may_call(member.id, tool, member.tags)

    def narrowed(self, tags: Iterable[str], capabilities: Iterable[str]) -> Scope:
        """The part of it that has those tags and capabilities too."""
        return replace(self, tags=self.tags.union(tags), capabilities=self.capabilities.union(capabilities))

    @property
    def whole(self) -> bool:
        """Whether every member belongs to it, and every tool of it may be called."""
        return not (self.tags or self.capabilities or self.servers) and Right.CALL in self.allowed.whole


EVERYTHING = Scope()


def read_scope(pairs: Iterable[tuple[str, str]]) -> Scope:
    """The scope that the parameters of a query string name. Repeated tags and capabilities must all hold.

    Raises InvalidRequest: an unknown parameter, a bad value, more than 32 values of one kind.
    """
    given: dict[str, list[str]] = {name: [] for name in PARAMETERS}
    for name, value in pairs:
        if name not in given:
            raise _invalid(name[:64], f"unknown parameter; known are {', '.join(PARAMETERS)}")
        given[name].append(value)
    return Scope(
        tags=_words(given, "tag"),
        capabilities=_words(given, "capability"),
        servers=frozenset(checked_member(server, "server") for server in _bounded(given, "server")),
        shown=_shown(given["tools"]),
    )


def _words(given: Mapping[str, Sequence[str]], name: str) -> frozenset[str]:
    values = _bounded(given, name)
    if not all(0 < len(value) <= MAX_WORD for value in values):
        raise _invalid(name, f"1 to {MAX_WORD} characters")
    return frozenset(values)


def _bounded(given: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
    if len(given[name]) > MAX_VALUES:
        raise _invalid(name, f"{len(given[name])} values, the limit is {MAX_VALUES}")
    return given[name]


def _shown(values: Sequence[str]) -> Shown:
    if not values:
        return Shown.BY_SIZE
    if len(values) > 1 or values[0] not in (Shown.SEARCH, Shown.ALL):
        raise _invalid("tools", f"one of '{Shown.SEARCH}' and '{Shown.ALL}'")
    return Shown(values[0])


def _invalid(field: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {reason}", details={"field": field})
