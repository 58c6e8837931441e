"""Everything the gateway knows of the members' offers, in memory: what a request reads.

Synchronous, for one event loop. A member that left stays callable by name for a while: whoever read the last list is
told that the member is gone, not that there never was such a tool.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from rapidfuzz import fuzz, process

from gateway.mcp.federation.offers import ListedTool, Offer
from gateway.mcp.federation.paging import Group
from gateway.mcp.federation.scope import Scope
from gateway.mcp.federation.toolsearch import ToolSearch

MAX_DEPARTED = 256
"""Members that left and are still remembered."""
MAX_VIEWS = 256

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one member's offer."""

    member: str
    before: Offer | None
    after: Offer | None

    def concerns(self, scope: Scope) -> bool:
        """Whether the member was, or is now, listed in `scope`."""
        return any(offer is not None and offer.active and scope.holds(offer) for offer in (self.before, self.after))

    def of_tools(self, scope: Scope) -> bool:
        """Whether `scope` lists other tools now."""
        return _bodies(self.before, scope) != _bodies(self.after, scope)


@dataclass(frozen=True, slots=True)
class View:
    """The active members of one scope, by id, and the number of their tools that may be called."""

    version: int
    offers: Sequence[Offer]
    groups: Sequence[Group]
    """Their tools, ready for a list."""
    tools: int


class Catalogue:
    """The offers of all members."""

    def __init__(self) -> None:
        self.version = 0
        """Rises with every change."""
        self.search = ToolSearch()
        self._offers: dict[str, Offer] = {}
        self._active: list[str] = []
        self._departed: OrderedDict[str, Offer] = OrderedDict()
        self._routes: dict[str, ListedTool] = {}
        self._views: OrderedDict[Scope, View] = OrderedDict()

    # changes ------------------------------------------------------------------------------------------------------

    def put(self, offer: Offer) -> Change | None:
        """Take a member's offer in place of its last one; None: it says what it said."""
        before = self._offers.get(offer.id)
        if before is not None and before.digest == offer.digest:
            return None
        self._drop(offer.id, keep_routes=False)
        self._offers[offer.id] = offer
        self._routes.update((tool.name, tool) for tool in offer.tools)
        if offer.active:
            insort(self._active, offer.id)
            self.search.add(offer)
        self.version += 1
        return Change(offer.id, before, offer)

    def remove(self, member: str) -> Change | None:
        """A member left; None: it was not here."""
        before = self._offers.get(member)
        if before is None:
            return None
        self._drop(member, keep_routes=True)
        self._departed[member] = before
        if len(self._departed) > MAX_DEPARTED:
            self._forget(self._departed.popitem(last=False)[1])
        self.version += 1
        return Change(member, before, None)

    def _drop(self, member: str, *, keep_routes: bool) -> None:
        former = self._departed.pop(member, None)
        offer = self._offers.pop(member, None)
        if offer is not None and offer.active:
            del self._active[bisect_left(self._active, member)]
            self.search.remove(offer)
        for gone in (former, None if keep_routes else offer):
            if gone is not None:
                self._forget(gone)

    def _forget(self, offer: Offer) -> None:
        for tool in offer.tools:
            if self._routes.get(tool.name) is tool:
                del self._routes[tool.name]

    # reading ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._offers)

    @property
    def ids(self) -> list[str]:
        """Every member, active or stale."""
        return list(self._offers)

    def get(self, member: str) -> Offer | None:
        return self._offers.get(member)

    def may_run_twice(self, member: str, tool: str) -> bool:
        """Whether the member declares its tool read-only or idempotent."""
        offer = self._offers.get(member)
        return offer is not None and any(each.own == tool and each.harmless for each in offer.tools)

    def view(self, scope: Scope) -> View:
        """The active members of `scope`."""
        view = self._views.get(scope)
        if view is None or view.version != self.version:
            offers = [offer for offer in map(self._offers.__getitem__, self._active) if scope.holds(offer)]
            groups = [Group(offer.id, bodies_in(scope, offer)) for offer in offers]
            view = View(self.version, offers, groups, sum(len(group.items) for group in groups))
        _keep(self._views, scope, view, MAX_VIEWS)
        return view

    def tool(self, name: str, scope: Scope) -> ListedTool | None:
        """The tool of that name: of an active member, a stale one, or one that left not long ago."""
        tool = self._routes.get(name)
        if tool is None or scope.whole:
            return tool
        owner = self._offers.get(tool.member) or self._departed.get(tool.member)
        return tool if owner is not None and scope.holds(owner) and scope.calls(owner, tool.own) else None

    def resembling(self, name: str, scope: Scope, more: Sequence[str] = ()) -> list[str]:
        """Up to three names of `scope` that `name` may have meant, the likeliest first."""
        names = [tool.name for offer in self.view(scope).offers for tool in offer.tools if scope.calls(offer, tool.own)]
        found = process.extract(name[:256], [*names, *more], scorer=fuzz.ratio, score_cutoff=55, limit=3)
        return [found_name for found_name, _, _ in found]


def _bodies(offer: Offer | None, scope: Scope) -> Sequence[bytes]:
    return bodies_in(scope, offer) if offer is not None and offer.active and scope.holds(offer) else ()


def bodies_in(scope: Scope, offer: Offer) -> Sequence[bytes]:
    """The tools of a member of `scope`, as far as they may be called there."""
    if scope.uses(offer):
        return offer.bodies
    return tuple(tool.body for tool in offer.tools if scope.calls(offer, tool.own))


def _keep(kept: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
