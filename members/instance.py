"""One instance of a member at work: its calls, its presence, its answers to `nats micro`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.mcpserver.tools import Tool
from mcp.server.subscriptions import ServerEvent, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND

from bus import Bus, Instance
from bus.manifest import read_manifest
from bus.micro import Endpoint, MicroResponder, MicroService
from members.fanout import Fanout
from members.kernel import Kernel
from members.peers import Peers
from members.presence import Load, Presence
from members.rpc import PROTOCOL_VERSION, Rpc
from members.serving import CallStation
from members.session import BusDispatch
from members.settings import MemberSettings

MAX_LISTED_TOOLS = 2_000


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

    async def start(self) -> None:
        """Returns when calls are taken and the registry has stored the instance. Raises the directory's refusal."""
        server = self._served.server
        state = await self._stack.enter_async_context(server.lifespan(server))
        self._rpc = Rpc(server, state)
        manifest = await self._manifest()
        self._kernel = Kernel(self._rpc, self._served.tools, _names(manifest))
        self.calls = CallStation(self._bus, self.who, self._kernel, self._rpc, self._settings)
        await self.calls.start()
        self._micro = MicroResponder(self._bus, _micro_service(self.who, manifest, [self.calls.calls, self.calls.mcp]))
        self._micro.start()
        self._follow_changes()
        if self._served.peers is not None:
            self._served.peers.attach(self._bus)
        self.presence = Presence(self._bus, self.who, manifest, self._load)
        self.presence.start()
        await self.presence.announced.wait()
        if self.presence.refused is not None:
            error = self.presence.refused
            await self.stop()
            raise error

    async def stop(self) -> None:
        """Leave the directory, finish the calls in flight, end."""
        if self._stopped:
            return
        self._stopped = True
        await self.presence.leave()
        await self.calls.drain()
        await self._micro.stop()
        if self._served.fanout is not None:
            await self._served.fanout.detach()
        if self._served.peers is not None:
            self._served.peers.detach()
        await self._stack.aclose()

    async def announce_again(self) -> None:
        """Announce the tools as they are now; the directory and every list follow."""
        manifest = await self._manifest()
        self._kernel.foreign = _names(manifest)
        await self.presence.update(manifest)

    def _follow_changes(self) -> None:
        fanout = self._served.fanout
        if fanout is None:
            return
        fanout.attach(self._bus, self.who.member)

        def changed(event: ServerEvent) -> None:
            if isinstance(event, ToolsListChanged):
                self._bus.spawn(self.announce_again())

        fanout.subscribe(changed)

    def _load(self) -> Load:
        return Load(self.calls.load, self.calls.in_flight, self._settings.limit)

    async def _manifest(self) -> dict[str, Any]:
        listed = await self._list_tools()
        fields = {**self._served.manifest, "tools": listed, "protocol_versions": [PROTOCOL_VERSION]}
        return read_manifest(fields, member=self.who.member)

    async def _list_tools(self) -> list[dict[str, Any]]:
        """Every page of the server's own `tools/list`; a server without tools has none."""
        tools: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(tools) < MAX_LISTED_TOOLS:
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
        return tools[:MAX_LISTED_TOOLS]


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
