"""What the gateway knows of the members, and how a request that names one it does not know gets a second look.

Two gateways learn of a member at slightly different moments: a name read from one may be called at the other. So a
name that is not known here is looked for in the directory once before it is refused.
"""

from __future__ import annotations

import asyncio

from bus.errors import DirectoryAway, FederationError
from gateway.mcp.federation.catalogue import Catalogue
from gateway.mcp.federation.catalogue_feed import Follower
from gateway.mcp.federation.naming import parted
from gateway.mcp.federation.offers import ListedTool, Offer
from gateway.mcp.federation.scope import Scope

FIRST_FILL_S = 5.0
"""How long a request waits for a gateway that has just started."""


class Knowledge:
    """The catalogue, with the directory behind it."""

    def __init__(self, catalogue: Catalogue, follower: Follower) -> None:
        self._catalogue = catalogue
        self._follower = follower

    async def known(self) -> Catalogue:
        """The catalogue, once it was filled. Raises DirectoryAway: no directory has answered since the start."""
        if not await self.settled():
            raise DirectoryAway("no directory has told who is there yet")
        return self._catalogue

    async def settled(self) -> bool:
        """Whether the catalogue was filled, waited for a little where the gateway has just started."""
        if not self._follower.ready.is_set():
            try:
                async with asyncio.timeout(FIRST_FILL_S):
                    await self._follower.ready.wait()
            except TimeoutError:
                return False
        return True

    async def tool(self, name: str, scope: Scope) -> ListedTool | None:
        """The tool of that name, if `scope` has it."""
        catalogue = await self.known()
        found = catalogue.tool(name, scope)
        named = parted(name)
        if found is None and named is not None and await self._looked(named[0]):
            found = catalogue.tool(name, scope)
        return found

    async def member(self, member: str) -> Offer | None:
        """The member of that id, if there is one, active or stale."""
        catalogue = await self.known()
        offer = catalogue.get(member)
        if offer is None and await self._looked(member):
            offer = catalogue.get(member)
        return offer

    async def _looked(self, member: str) -> bool:
        """Whether the directory had something new to say of a member."""
        try:
            return await self._follower.look(member)
        except FederationError:
            return False
