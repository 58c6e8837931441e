"""What a client must know to get a token for a resource of this gateway (RFC 9728)."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from bus.access import Right
from gateway.access.rules import WELL_KNOWN
from gateway.border import value_answer
from gateway.operations import Answer, operation
from gateway.shapes import MemberPath, ResourceMetadata

TAG = "access"
SCOPES = [Right.DISCOVER.value, Right.CALL.value, Right.REGISTER.value, Right.OBSERVE.value]


class Resources:
    """The descriptions of the resources of one port."""

    def __init__(self, base: str, issuers: Sequence[str]) -> None:
        self._base = base
        self._issuers = list(issuers)

    @operation("GET", WELL_KNOWN, tag=TAG, answers={200: Answer(ResourceMetadata)})
    async def describe_gateway(self) -> web.Response:
        """Where to get an access token for this whole port."""
        return self.described("")

    @operation("GET", f"{WELL_KNOWN}/mcp", tag=TAG, answers={200: Answer(ResourceMetadata)})
    async def describe_mcp(self) -> web.Response:
        """Where to get an access token for `/mcp`."""
        return self.described("/mcp")

    def described(self, path: str) -> web.Response:
        return value_answer(
            {
                "resource": f"{self._base}{path}",
                "authorization_servers": self._issuers,
                "scopes_supported": SCOPES,
                "bearer_methods_supported": ["header"],
                "resource_name": "OMEGA Federation",
            }
        )


class MemberResources:
    """The descriptions of the members' endpoints on the main port."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @operation("GET", f"{WELL_KNOWN}/servers/{{id}}/mcp", tag=TAG, answers={200: Answer(ResourceMetadata)})
    async def describe_server_mcp(self, path: MemberPath) -> web.Response:
        """Where to get an access token for one member. Whether there is such a member is not said."""
        return self._resources.described(f"/servers/{path.id}/mcp")
