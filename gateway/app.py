"""The gateway put together: stations, their routes, the ports they are served on, and their end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web

from bus import Bus, Federation
from bus.dispatch import Dispatch, DispatchSettings
from bus.micro import MicroResponder, MicroService
from bus.names import checked_member
from bus.trail import Trail
from gateway.access.doorkeeper import Doorkeeper
from gateway.access.metadata import MemberResources, Resources
from gateway.access.settings import AccessSettings
from gateway.calling import Caller, Calls, DoorCalls
from gateway.discovery import Discovery
from gateway.documents import TITLE, Description, Pages
from gateway.endpoints import Addresses
from gateway.guards import Guards, allow_origin, secure
from gateway.inquiry import Inquiry
from gateway.lifecycle import Lifecycle
from gateway.limits.around import limiting, telling
from gateway.limits.limiter import Limiter, limiter_of
from gateway.limits.members import LimitedFederation
from gateway.limits.rules import counted_as
from gateway.listening import Bound, CannotListen, Listener, bind, serve
from gateway.mcp.federation.aggregate import Aggregate
from gateway.mcp.federation.catalogue import Catalogue
from gateway.mcp.federation.scope import read_scope
from gateway.mcp.front.endpoint import Handler as McpHandler
from gateway.mcp.front.endpoint import UpstreamFor
from gateway.mcp.front.fronts import Fronts
from gateway.mcp.member import MemberUpstream
from gateway.mcp.upstream import Upstream
from gateway.metrics import Metrics
from gateway.openapi import About
from gateway.operations import Limits, Route, handler, routes_of
from gateway.probes import DoorProbe, MemberProbe, Probes
from gateway.reading import expectation
from gateway.requests import ORIGIN, PRINCIPAL, Surroundings, supervising
from gateway.settings import GatewaySettings
from gateway.shapes import TIMEOUT_MS
from gateway.vouching import Vouching

MEMBER_MCP = "/servers/{id}/mcp"
DOOR_MCP = "/mcp"
FEDERATION_MCP = "/mcp"
DISTRIBUTION = "omega-federation"
MEMBERS_AT_HAND = 1_000
"""Members whose upstreams are kept, by the path that names them."""
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""Addresses that mean "every address of this machine", each with one that can be dialled."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the stations of every port share."""

    settings: GatewaySettings
    federation: Federation
    inquiry: Inquiry
    metrics: Metrics
    addresses: Addresses
    caller: Caller
    fronts: Fronts
    aggregate: Aggregate
    limiter: Limiter
    doorkeeper: Doorkeeper
    version: str


class Gateway:
    """The HTTP face of the federation over one `Bus`, which stays the caller's to close."""

    def __init__(self, bus: Bus, settings: GatewaySettings | None = None, access: AccessSettings | None = None) -> None:
        """Raises Unprotected (open to a network without authentication), CannotServeTls."""
        self.settings = settings or GatewaySettings()
        self.url = ""
        """Base URL of the main port as bound; empty until `start` returned."""
        self.door_urls: dict[str, str] = {}
        """Base URL of each member's open door; of the first, where it has several."""
        self._bus = bus
        self._version = version(DISTRIBUTION)
        self._listeners: list[Listener] = []
        self._micro = MicroResponder(bus, _described(self._version))
        self._vouching = Vouching(bus, self.settings.trust_store) if self.settings.trust_store else None
        self.mcp = Fronts(bus, self.settings)
        """Serves MCP on this gateway's ports."""
        trail = Trail(bus, "gateway")
        self.doorkeeper = Doorkeeper(bus, access or AccessSettings(), host=self.settings.host, trail=trail)
        """Knows who may come in."""
        self.limiter = limiter_of(self.settings, trail, authenticated=self.doorkeeper.required)
        """Keeps callers from asking for too much."""
        self._aggregate: Aggregate | None = None

    async def start(self) -> None:
        """Bind and serve; returns when every port listens. Raises CannotListen when the main port cannot be had.

        A door's port that cannot be had is logged and left out.
        """
        main = await bind(self.settings.host, self.settings.port)
        doors = await self._bind_doors()
        self.url = self._url(main)
        self.door_urls = {member: self._url(bound) for member, bound in reversed(doors)}
        await self.doorkeeper.start(self.settings.public_url or self.url)
        self.mcp.start()
        if self._vouching is not None:
            self._vouching.start()
        self.limiter.start()
        parts = self._parts()
        self._aggregate = parts.aggregate
        self._aggregate.start()
        tls = self.doorkeeper.tls.context if self.doorkeeper.tls is not None else None
        self._listeners.append(await serve(main_application(parts), main, self.settings, tls))
        for member, bound in doors:
            app = door_application(parts, member, self._url(bound))
            self._listeners.append(await serve(app, bound, self.settings, tls))
        self._micro.start()
        if self.settings.public_url is None and self.settings.host in WILDCARDS:
            log.warning("public_url_not_set", named_instead=self.url)
        log.info("gateway_listening", url=self.url, public=parts.addresses.base, doors=self.door_urls)

    async def stop(self) -> None:
        """Refuse new connections, let requests in flight finish for `drain_s`, then cancel them."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.refuse()
        log.info("gateway_stopping", url=self.url)
        self.mcp.end_streams()
        await asyncio.gather(*(listener.drain() for listener in listeners))
        await self._micro.stop()
        if self._vouching is not None:
            await self._vouching.stop()
        await self.mcp.stop()
        await self.limiter.stop()
        if self._aggregate is not None:
            await self._aggregate.stop()
        await self.doorkeeper.stop()
        log.info("gateway_stopped", url=self.url)

    async def _bind_doors(self) -> list[tuple[str, Bound]]:
        doors: list[tuple[str, Bound]] = []
        for port, member in self.settings.doors.items():
            try:
                doors.append((member, await bind(self.settings.host, port)))
            except CannotListen as exc:
                log.error("door_not_opened", port=port, member=member, reason=str(exc))
        return doors

    def _url(self, bound: Bound) -> str:
        return f"{self.doorkeeper.scheme}://{url_host(self.settings.host)}:{bound.port}"

    def _parts(self) -> Parts:
        settings, catalogue = self.settings, Catalogue()
        dispatch = dispatch_of(self._bus, settings, catalogue)
        vet = self._vouching.check if self._vouching is not None else None
        limited = self.limiter.rules.member_calls is not None
        kind = partial(LimitedFederation, self.limiter) if limited else Federation
        federation = kind(self._bus, dispatch, speaks_for_callers=True, vet=vet)
        metrics = Metrics(self._version, lambda: self._bus.connected)
        addresses = public_addresses(settings, self.url, self.door_urls)
        aggregate = Aggregate(
            federation,
            settings,
            catalogue,
            addresses=addresses,
            metrics=metrics,
            denials=self.doorkeeper.denials,
            version=self._version,
        )
        return Parts(
            settings=settings,
            federation=federation,
            inquiry=Inquiry(federation, settings.directory_timeout_s),
            metrics=metrics,
            addresses=addresses,
            caller=Caller(
                federation,
                metrics,
                aggregate.enforcement,
                timeout=settings.call_timeout_s,
                max_timeout=settings.max_call_timeout_s,
            ),
            fronts=self.mcp,
            aggregate=aggregate,
            limiter=self.limiter,
            doorkeeper=self.doorkeeper,
            version=self._version,
        )


def dispatch_of(bus: Bus, settings: GatewaySettings, catalogue: Catalogue) -> Dispatch:
    """How this gateway sends calls: by load, and again where the catalogue says that a tool may run twice."""
    spread = DispatchSettings(listen=True, site=settings.site, most_calls=settings.max_calls_per_member)
    return Dispatch(bus, spread, catalogue.may_run_twice)


def main_application(parts: Parts) -> web.Application:
    """Everything the main port shows."""
    base = parts.addresses.base
    description = _description(parts, TITLE, base)
    stations = (
        Discovery(parts.inquiry, parts.addresses),
        Lifecycle(parts.federation, parts.inquiry, parts.aggregate.enforcement),
        Calls(parts.caller),
        Probes(parts.inquiry, parts.metrics, version=parts.version),
        MemberProbe(parts.inquiry),
        description,
        Pages(description),
        *_resources(parts, base, members=True),
    )
    endpoints = {MEMBER_MCP: _named_member(parts), FEDERATION_MCP: _whole_federation(parts)}
    mcp = {path: parts.fronts.endpoint(found) for path, found in endpoints.items()}
    return _application(parts, Port(base, stations, description, mcp))


def door_application(parts: Parts, member: str, url: str) -> web.Application:
    """What a member's own door shows."""
    base = parts.addresses.doors.get(member, url)
    description = _description(parts, f"{TITLE}: {member}", url)
    stations = (
        DoorCalls(parts.caller, member),
        DoorProbe(parts.inquiry, member),
        description,
        *_resources(parts, base, members=False),
    )
    upstream = _member_upstream(parts, member)
    return _application(parts, Port(base, stations, description, {DOOR_MCP: parts.fronts.endpoint(lambda _: upstream)}))


def _resources(parts: Parts, base: str, *, members: bool) -> list[object]:
    """The stations that tell where to get access tokens; none where there is nowhere to."""
    if not parts.doorkeeper.issuers:
        return []
    resources = Resources(base, parts.doorkeeper.issuers)
    return [resources, *([MemberResources(resources)] if members else [])]


def _member_upstream(parts: Parts, member: str) -> MemberUpstream:
    return MemberUpstream(parts.federation, parts.metrics, parts.aggregate.enforcement, member)


def _named_member(parts: Parts) -> UpstreamFor:
    @lru_cache(maxsize=MEMBERS_AT_HAND)
    def named(member: str) -> MemberUpstream:
        return _member_upstream(parts, checked_member(member))

    return lambda request: named(request.match_info["id"])


def _whole_federation(parts: Parts) -> UpstreamFor:
    def upstream_for(request: web.Request) -> Upstream:
        return parts.aggregate.upstream(read_scope(request.query.items()), request[PRINCIPAL].scopes)

    return upstream_for


def public_addresses(settings: GatewaySettings, url: str, door_urls: dict[str, str]) -> Addresses:
    """What to name in `endpoints`: doors on the public base URL's host, each with its own port."""
    base = settings.public_url or url
    if not settings.advertise_doors:
        return Addresses(base)
    parts = urlsplit(base)
    ports = {member: urlsplit(door).port for member, door in door_urls.items()}
    doors = {member: f"{parts.scheme}://{_bracketed(parts.hostname or '')}:{port}" for member, port in ports.items()}
    return Addresses(base, doors)


def url_host(host: str) -> str:
    """`host` as a URL of this machine may name it: a wildcard address becomes loopback."""
    return WILDCARDS.get(host) or _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _description(parts: Parts, title: str, url: str) -> Description:
    longest_ms = int(parts.settings.max_call_timeout_s * 1000)
    return Description(About(title, parts.version, url, {TIMEOUT_MS: longest_ms}, tuple(parts.doorkeeper.schemes)))


@dataclass(frozen=True, slots=True)
class Port:
    """What one port shows."""

    base: str
    """Its URL, as clients know it."""
    stations: Iterable[object]
    description: Description
    mcp: Mapping[str, McpHandler]


def _application(parts: Parts, port: Port) -> web.Application:
    settings, mcp = parts.settings, port.mcp
    routes = [route for station in port.stations for route in routes_of(station)]
    port.description.cover(route.operation for route in routes)
    around = _surroundings(parts, routes, port)
    middlewares = [supervising(around)]
    if parts.limiter.rules.any:
        middlewares.append(limiting(parts.limiter, _counted_as, around.any_host | around.quiet))
    app = web.Application(middlewares=middlewares, client_max_size=settings.max_body_bytes)
    app.on_response_prepare.append(_secure)
    if parts.limiter.rules.any:
        app.on_response_prepare.append(telling(parts.limiter))
    limits = Limits(settings.max_body_bytes, settings.body_timeout_s)
    for path, handle in mcp.items():  # first, because they are looked through in this order
        app.router.add_route("*", path, handle, expect_handler=expectation)
    for route in routes:
        _mount(app, route, limits)
    return app


def _mount(app: web.Application, route: Route, limits: Limits) -> None:
    stated = route.operation
    methods = ("GET", "HEAD") if stated.method == "GET" else (stated.method,)
    for method in methods:
        app.router.add_route(method, stated.path, handler(route, limits), expect_handler=expectation)


def _surroundings(parts: Parts, routes: list[Route], port: Port) -> Surroundings:
    settings = parts.settings
    return Surroundings(
        admission=parts.doorkeeper.admission(port.base),
        guards=Guards(settings.hosts, frozenset(settings.allowed_origins)),
        metrics=parts.metrics,
        max_body_bytes=settings.max_body_bytes,
        send_timeout_s=settings.send_timeout_s,
        access_log=settings.access_log,
        any_host=frozenset(route.operation.path for route in routes if route.operation.any_host),
        quiet=frozenset(route.operation.path for route in routes if route.operation.quiet),
        jsonrpc=frozenset(port.mcp),
    )


def _counted_as(request: web.Request) -> str:
    return counted_as(request[PRINCIPAL].name, request.remote)


async def _secure(request: web.Request, answer: web.StreamResponse) -> None:
    secure(answer.headers)
    if hdrs.ORIGIN in request.headers and ORIGIN in request:
        allow_origin(answer.headers, request[ORIGIN])


def _described(running: str) -> MicroService:
    return MicroService(
        name="omega-gateway",
        id=secrets.token_hex(4),
        version=running,
        description="HTTP face of the federation",
        metadata={"omega": "1", "kind": "gateway"},
    )
