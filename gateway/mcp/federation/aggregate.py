"""The federation's MCP side put together: what follows the members, what is asked of them, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bus import Federation
from bus.access import Scopes
from gateway.access.denials import Denials
from gateway.access.enforcement import Enforcement
from gateway.endpoints import Addresses
from gateway.inquiry import Inquiry
from gateway.mcp.federation.calls import ToolCalls
from gateway.mcp.federation.catalogue import Catalogue, Change
from gateway.mcp.federation.catalogue_feed import Follower, Rhythm
from gateway.mcp.federation.directory_resources import DirectoryResources
from gateway.mcp.federation.discovery_tools import DiscoveryTools
from gateway.mcp.federation.gathering import Gatherer, GatherLimits
from gateway.mcp.federation.knowledge import Knowledge
from gateway.mcp.federation.listening import Hub
from gateway.mcp.federation.routing import Routing
from gateway.mcp.federation.scope import Scope
from gateway.mcp.federation.whole import FederationUpstream, Parts, Shape
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings

SERVER_NAME = "omega-federation"
MAX_SCOPES = 256
"""Scopes whose endpoint is kept ready."""


class Aggregate:
    """Everything behind `POST /mcp`. Begin it with `start`, end it with `stop`; `upstream` serves one scope."""

    def __init__(
        self,
        federation: Federation,
        settings: GatewaySettings,
        catalogue: Catalogue,
        *,
        addresses: Addresses,
        metrics: Metrics,
        denials: Denials,
        version: str,
    ) -> None:
        inquiry = Inquiry(federation, settings.directory_timeout_s)
        info = {"name": SERVER_NAME, "title": "OMEGA Federation", "version": version}
        self.catalogue = catalogue
        self.enforcement = Enforcement(denials, self._tags_of)
        """Holds callers to their scopes, on every path of the gateway."""
        routing = Routing(federation, metrics, self.enforcement)
        self.hub = Hub(self.catalogue, routing)
        self._follower = Follower(inquiry, self.catalogue, self._changed, Rhythm(check_s=settings.mcp_check_s))
        limits = GatherLimits(wait_s=settings.mcp_gather_s, at_once=settings.mcp_gather_at_once)
        self._gatherer = Gatherer(federation, limits, self.hub.relisted)
        knowledge = self._knowledge = Knowledge(self.catalogue, self._follower)
        discovery = DiscoveryTools(self.catalogue, inquiry)
        self._upstreams: dict[Scope, FederationUpstream] = {}
        self._parts = Parts(
            knowledge=knowledge,
            gatherer=self._gatherer,
            hub=self.hub,
            routing=routing,
            calls=ToolCalls(knowledge, routing, discovery, self.enforcement, info),
            resources=DirectoryResources(inquiry, addresses),
            enforcement=self.enforcement,
            shape=Shape(info, settings.mcp_tools_listed, settings.mcp_page_size),
        )

    def start(self) -> None:
        """Follow the members from now on."""
        self._follower.start()
        self._gatherer.start()

    async def stop(self) -> None:
        await self._follower.stop()
        await self._gatherer.stop()

    @property
    def ready(self) -> bool:
        """Whether the catalogue has been filled."""
        return self._follower.ready.is_set()

    def upstream(self, scope: Scope, allowed: Scopes) -> FederationUpstream:
        """The part of the federation that `scope` names, and `allowed` reaches, as an MCP server."""
        scope = replace(scope, allowed=allowed)
        if len(self._upstreams) > MAX_SCOPES:
            self._upstreams.clear()
        found = self._upstreams.get(scope)
        if found is None:
            found = self._upstreams[scope] = FederationUpstream(self._parts, scope)
        return found

    async def _tags_of(self, member: str) -> frozenset[str]:
        """A member's tags; none where it is not known. Raises DirectoryAway."""
        offer = await self._knowledge.member(member)
        return offer.tags if offer is not None else frozenset()

    def _changed(self, changes: Sequence[Change]) -> None:
        self.hub.changed(changes)
        for change in changes:
            came = change.before is None or not change.before.active
            if change.after is None:
                self._gatherer.forget(change.member)
            elif came or change.after.active:
                self._gatherer.doubt(change.member, surely=came)
