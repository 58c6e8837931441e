"""Holds callers to their scopes where it is known what they reach for, before anything of it is sent to the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bus.access import Principal, Right
from bus.errors import InvalidRequest, UnknownMember
from bus.messages import EventKind
from gateway.access.denials import Denials
from gateway.access.methods import Reach, reach_of
from gateway.refusals import InsufficientScope

Tags = frozenset[str]
TagsOf = Callable[[str], Awaitable[Tags]]
NO_TAGS: Tags = frozenset()


class Enforcement:
    """Says no. Every method raises InsufficientScope, after it told the trail."""

    def __init__(self, denials: Denials, tags_of: TagsOf) -> None:
        """`tags_of` knows a member's tags; it is asked only where they decide."""
        self._denials = denials
        self._tags_of = tags_of

    async def call(self, caller: Principal, member: str, tool: str) -> None:
        """To call a member's tool."""
        if Right.CALL in caller.scopes.whole:
            return
        if not caller.may_call(member, tool, await self.tags(caller, Right.CALL, member)):
            raise self._refused(caller, member, Right.CALL, f"calling {member}/{tool[:128]}")

    async def use(self, caller: Principal, member: str) -> None:
        """To use a member's prompts, resources and whatever else it has."""
        if Right.CALL in caller.scopes.whole:
            return
        if not caller.may_use(member, await self.tags(caller, Right.CALL, member)):
            raise self._refused(caller, member, Right.CALL, f"using more of {member} than single tools")

    async def see(self, caller: Principal, member: str) -> None:
        """To learn of a member."""
        if Right.DISCOVER in caller.scopes.whole or Right.CALL in caller.scopes.whole:
            return
        if not caller.scopes.may_see(member, await self.tags(caller, Right.DISCOVER, member)):
            raise self._refused(caller, member, Right.DISCOVER, f"seeing {member}")

    def register(self, caller: Principal, member: str) -> None:
        """To announce, keep alive or withdraw a member."""
        if not caller.may_register(member):
            raise self._refused(caller, member, Right.REGISTER, f"registering {member}")

    async def request(self, caller: Principal, member: str, method: str, params: Mapping[str, Any]) -> None:
        """To have a member answer an MCP request."""
        if Right.CALL in caller.scopes.whole:
            return
        reach = reach_of(method, params)
        if reach is Reach.CALL:
            tool = params.get("name")
            if not isinstance(tool, str):
                raise InvalidRequest("name: the tool to call", details={"field": "name"})
            await self.call(caller, member, tool)
        elif reach is Reach.USE:
            await self.use(caller, member)
        else:
            await self.see(caller, member)

    async def tags(self, caller: Principal, right: Right, member: str) -> Tags:
        """The member's tags, where they decide what `caller` may."""
        rights = (Right.DISCOVER, Right.CALL) if right is Right.DISCOVER else (right,)
        if any(caller.scopes.needs_tags(each) for each in rights):
            return await self._tags_of(member)
        return NO_TAGS

    def _refused(self, caller: Principal, member: str, right: Right, what: str) -> InsufficientScope:
        error = InsufficientScope(f"{what} is beyond the scopes of this caller", details={"needed": right.value})
        kind = EventKind.CALL_DENIED if right is Right.CALL else EventKind.ACCESS_DENIED
        self._denials.tell(
            kind,
            caller=caller.name,
            peer="",
            member=member,
            subject=what,
            needed=right.value,
            code=error.code,
            via=caller.via.value,
        )
        return error


def unknown(member: str) -> UnknownMember:
    """There is no such member, or none that this caller may know of: no other member's id is suggested."""
    return UnknownMember(f"no member {member!r} is registered", details={"id": member})
