"""One instance of a member at work: its calls, its presence, its answers to `nats micro`."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import structlog
from mcp.server.lowlevel import Server
from mcp.server.mcpserver.tools import Tool
from mcp.server.subscriptions import ServerEvent, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND

from bus import Bus, Instance
from bus.errors import FederationError
from bus.manifest import MAX_TOOLS, read_manifest
from bus.micro import Endpoint, MicroResponder, MicroService
from members.announced import announced
from members.fanout import Fanout
from members.kernel import Kernel
from members.peers import Peers
from members.presence import Load, Presence
from members.rpc import PROTOCOL_VERSION, Rpc
from members.serving import CallStation
from members.session import BusDispatch
from members.settings import MemberSettings
from members.signer import Signer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """What an instance serves."""

    manifest: Mapping[str, Any]
    """Without its tools: those are asked of the server object."""
    server: Server[Any]
    settings: MemberSettings
    tools: Mapping[str, Tool] = field(default_factory=dict)
    """Tools that may be called without a session around them."""
    fanout: Fanout | None = None
    peers: Peers | None = None


class Serving:
    """Serves one instance on an open bus, from `start` to `stop`."""

    def __init__(self, served: Served, bus: Bus) -> None:
        self._served = served
        self._bus = bus
        self._settings = served.settings
        self.who = Instance(served.manifest["id"], served.settings.instance or secrets.token_hex(4))
        self._stack = AsyncExitStack()
        self._stopped = False
        self._more: dict[str, Any] = {}
        self._announcing: set[asyncio.Task[None]] = set()
        self._trimmed: Counter[str] = Counter()
        self._signer = _signer_of(served.settings, self.who)

    async def start(self) -> None:
        """Returns when calls are taken and the registry has stored the instance. Raises the directory's refusal.

        Whatever keeps it from starting, nothing that was begun is left open.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        server, stack = self._served.server, self._stack
        state = await stack.enter_async_context(server.lifespan(server))
        self._rpc = Rpc(server, state, self._served.tools)
        manifest = await self._manifest()
        self._attach()
        self._kernel = Kernel(self._rpc, self._served.tools, _names(manifest))
        self.calls = CallStation(self._bus, self.who, self._kernel, self._rpc, self._settings)
        micro = MicroResponder(self._bus, _micro_service(self.who, manifest, [self.calls.calls, self.calls.mcp]))
        stack.push_async_callback(micro.stop)
        stack.push_async_callback(self.calls.drain)
        await self.calls.start()
        micro.start()
        self.presence = Presence(self._bus, self.who, manifest, self._load, signer=self._signer)
        stack.push_async_callback(self.presence.leave)
        self.presence.start()
        self._follow_changes()
        await self.presence.announced.wait()
        if self.presence.refused is not None:
            raise self.presence.refused

    async def stop(self) -> None:
        """Leave the directory, finish the calls in flight, end."""
        if self._stopped:
            return
        self._stopped = True
        for task in self._announcing:
            task.cancel()
        await self._stack.aclose()

    def announce_soon(self, **more: Any) -> None:
        """Have the tools announced as they are now, and the manifest fields `more`, without waiting for it."""
        self._more |= more
        task = self._bus.spawn(self._announce_or_tell())
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def _announce_or_tell(self) -> None:
        try:
            await self.announce_again()
        except (MCPError, FederationError) as exc:
            log.warning("not_announced_again", member=self.who.member, reason=str(exc))

    async def announce_again(self) -> None:
        """Announce the tools as they are now; the directory and every list follow."""
        manifest = await self._manifest()
        self._kernel.foreign = _names(manifest)
        await self.presence.update(manifest)

    def _attach(self) -> None:
        """What the tools are given of the federation: taken away when no call is left."""
        served = self._served
        if served.fanout is not None:
            served.fanout.attach(self._bus, self.who.member)
            self._stack.push_async_callback(served.fanout.detach)
        if served.peers is not None:
            served.peers.attach(self._bus)
            self._stack.callback(served.peers.detach)

    def _follow_changes(self) -> None:
        def changed(event: ServerEvent) -> None:
            if isinstance(event, ToolsListChanged):
                self.announce_soon()

        if self._served.fanout is not None:
            self._stack.callback(self._served.fanout.subscribe(changed))

    def _load(self) -> Load:
        return Load(self.calls.load, self.calls.in_flight, self._settings.limit)

    async def _manifest(self) -> dict[str, Any]:
        listed = await self._list_tools()
        fields = {**self._served.manifest, **self._more, "protocol_versions": [PROTOCOL_VERSION]}
        tools, trimmed = announced(listed, fields)
        if trimmed and trimmed != self._trimmed:
            log.warning("announced_with_less", member=self.who.member, tools=len(listed), left_out=dict(trimmed))
        self._trimmed = trimmed
        return read_manifest({**fields, "tools": tools}, member=self.who.member)

    async def _list_tools(self) -> list[dict[str, Any]]:
        """Every page of the server's own `tools/list`; a server without tools has none."""
        tools: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(tools) < MAX_TOOLS:
            params = {"cursor": cursor} if cursor else {}
            try:
                page = await self._rpc.ask("tools/list", params, BusDispatch("tools", None, lambda _: None))
            except MCPError as exc:
                if exc.error.code == METHOD_NOT_FOUND:
                    return []
                raise
            tools += page.get("tools", [])
            cursor = page.get("nextCursor")
            if not cursor:
                break
        return tools[:MAX_TOOLS]


def _signer_of(settings: MemberSettings, who: Instance) -> Signer | None:
    """What signs the manifest; None where it is not signed. Raises InvalidRequest for a key that is none."""
    if settings.signing_key is None:
        return None
    lifetime = settings.signing_lifetime_s
    return Signer(settings.signing_key, settings.signing_kid, lifetime_s=lifetime, instance=who.instance)


def _names(manifest: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(tool["name"] for tool in manifest["tools"])


def _micro_service(who: Instance, manifest: Mapping[str, Any], endpoints: list[Endpoint]) -> MicroService:
    return MicroService(
        name=who.member,
        id=who.instance,
        version=manifest["version"],
        description=manifest["description"],
        metadata={"omega": "1", "kind": "member"},
        endpoints=endpoints,
    )
