"""`subscriptions/listen` on the federation: each stream is told, gathered into a few notifications, what it asked for.

Changes of the directory come from the catalogue, changes of members' lists from the gatherer, and changes of members'
resources from a listen stream of ours at each member concerned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import SubscriptionFilter
from pydantic import ValidationError

from bus.access import Principal
from bus.errors import FederationError, InvalidRequest
from bus.names import member_uri, parted_uri
from gateway.mcp.federation.catalogue import Catalogue, Change
from gateway.mcp.federation.directory_resources import Asked, read_uri
from gateway.mcp.federation.gathering import PROMPTS, Kind, request_body
from gateway.mcp.federation.routing import Routing
from gateway.mcp.federation.scope import Scope
from gateway.mcp.upstream import Notify, UpstreamRequest

LISTEN = "subscriptions/listen"
TOOLS_CHANGED = "notifications/tools/list_changed"
PROMPTS_CHANGED = "notifications/prompts/list_changed"
RESOURCES_CHANGED = "notifications/resources/list_changed"
UPDATED = "notifications/resources/updated"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"

GATHER_S = 0.1
"""How long what happens is gathered before it is told, each thing once."""
MAX_URIS = 256
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0

_KNOWN = set(SubscriptionFilter.model_fields)
Told = tuple[str, str | None]
"""A notification's method, and its URI."""
log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Listener:
    """One stream: what it asked for, and what it is to be told next."""

    scope: Scope
    caller: Principal
    wish: SubscriptionFilter
    watched: Mapping[str, Asked]
    """The directory's resources among those it asked for."""
    pending: dict[Told, None] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self, change: Change) -> None:
        """A member's offer changed."""
        if self.wish.tools_list_changed and change.of_tools(self.scope):
            self.note(TOOLS_CHANGED)
        if change.concerns(self.scope):
            for uri, asked in self.watched.items():
                if asked.follows(change):
                    self.note(UPDATED, uri)

    def relisted(self, kind: Kind) -> None:
        """A list of a member in its scope changed."""
        if kind is PROMPTS and self.wish.prompts_list_changed:
            self.note(PROMPTS_CHANGED)
        if kind is not PROMPTS and self.wish.resources_list_changed:
            self.note(RESOURCES_CHANGED)

    def note(self, method: str, uri: str | None = None) -> None:
        self.pending[method, uri] = None
        self.wake.set()

    def honoured(self) -> dict[str, Any]:
        """What of its wish is told, as the acknowledgement says it."""
        told = self.wish.model_dump(mode="json", by_alias=True, include=_KNOWN)
        return {name: value for name, value in told.items() if value}


class Hub:
    """All streams of one gateway."""

    def __init__(self, catalogue: Catalogue, routing: Routing) -> None:
        self._catalogue = catalogue
        self._routing = routing
        self._listeners: set[Listener] = set()

    def __len__(self) -> int:
        return len(self._listeners)

    def changed(self, changes: Iterable[Change]) -> None:
        """Tell whom it concerns that offers changed."""
        for change in changes:
            for listener in self._listeners:
                listener.changed(change)

    def relisted(self, kind: Kind, member: str) -> None:
        """Tell whom it concerns that a member's list changed."""
        offer = self._catalogue.get(member)
        for listener in self._listeners:
            if offer is None or (listener.scope.holds(offer) and listener.scope.uses(offer)):
                listener.relisted(kind)

    async def serve(self, request: UpstreamRequest, scope: Scope, notify: Notify) -> None:
        """One stream: acknowledged first, then told, until it is cancelled. Raises InvalidRequest for the wish."""
        listener = _listener(request, scope)
        by_member = _members_resources(listener.wish.resource_subscriptions or ())
        self._listeners.add(listener)
        meta = {SUBSCRIPTION_ID_META_KEY: request.message["id"]}
        notify(_notification(ACKNOWLEDGED, {"notifications": listener.honoured(), "_meta": meta}))
        ears = [asyncio.create_task(self._hear(member, uris, listener)) for member, uris in by_member.items()]
        try:
            await _tell(listener, meta, notify)
        finally:
            self._listeners.discard(listener)
            for ear in ears:
                ear.cancel()
            await asyncio.gather(*ears, return_exceptions=True)

    async def _hear(self, member: str, uris: list[str], listener: Listener) -> None:
        """Listen at one member for its resources, again and again: members come back."""
        pause, lost = FIRST_PAUSE_S, False

        def heard(event: bytes) -> None:
            nonlocal pause, lost
            told = orjson.loads(event)
            if told.get("method") == UPDATED:
                listener.note(UPDATED, member_uri(member, told["params"]["uri"]))
            elif told.get("method") == ACKNOWLEDGED:
                if lost:  # what happened meanwhile was missed
                    for uri in uris:
                        listener.note(UPDATED, member_uri(member, uri))
                pause, lost = FIRST_PAUSE_S, False

        while True:
            body = request_body(LISTEN, {"notifications": {"resourceSubscriptions": uris}})
            try:
                asked = UpstreamRequest(body, orjson.loads(body), listener.caller)
                await self._routing.forward(member, asked, heard)
            except FederationError as exc:
                log.info("resources_not_heard", member=member, error=exc.code)
            await asyncio.sleep(pause)
            pause, lost = min(LONGEST_PAUSE_S, pause * 2), True


async def _tell(listener: Listener, meta: Mapping[str, Any], notify: Notify) -> None:
    while True:
        await listener.wake.wait()
        await asyncio.sleep(GATHER_S)
        listener.wake.clear()
        pending, listener.pending = listener.pending, {}
        for method, uri in pending:
            notify(_notification(method, {**({} if uri is None else {"uri": uri}), "_meta": meta}))


def _listener(request: UpstreamRequest, scope: Scope) -> Listener:
    wish = _wish(request)
    return Listener(scope, request.caller, wish, _directorys_resources(wish.resource_subscriptions or ()))


def followed(request: UpstreamRequest) -> Iterable[str]:
    """The members whose resources a stream is to be told of. Raises InvalidRequest."""
    return _members_resources(_wish(request).resource_subscriptions or ()).keys()


def _wish(request: UpstreamRequest) -> SubscriptionFilter:
    try:
        wish = SubscriptionFilter.model_validate(request.params.get("notifications"))
    except ValidationError as exc:
        raise InvalidRequest("notifications: an object that says what to listen for") from exc
    uris = wish.resource_subscriptions or []
    if len(uris) > MAX_URIS:
        raise InvalidRequest(f"resourceSubscriptions: {len(uris)} URIs, the limit is {MAX_URIS}")
    return wish


def _directorys_resources(uris: Iterable[str]) -> dict[str, Asked]:
    """Those that are the directory's. Of one that is nobody's nothing is ever told."""
    found: dict[str, Asked] = {}
    for uri in uris:
        try:
            found[uri] = read_uri(uri)
        except FederationError:
            continue
    return found


def _members_resources(uris: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for member, uri in filter(None, map(parted_uri, uris)):
        found.setdefault(member, []).append(uri)
    return found


def _notification(method: str, params: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params})
