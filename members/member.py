"""A member: an MCP server of yours, present in the federation while it runs.

member = Member("weather", name="Weather", version="1.2.0", tags=["forecast"])

@member.tool
async def forecast(city: str, days: int = 1) -> Forecast: ...

asyncio.run(member.run("nats://127.0.0.1:4222"))
"""

from __future__ import annotations

import asyncio
import inspect
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

import structlog
from mcp.server import MCPServer
from mcp.server.mcpserver import RequestStateSecurity
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from bus import Bus, BusSettings
from bus.errors import Disconnected, InvalidRequest
from bus.manifest import read_manifest
from bus.names import checked_member, checked_tool
from bus.trust.rights import Identity, Role
from members.fanout import Fanout
from members.fate import guarded
from members.instance import Served, Serving
from members.lowlevel import lowlevel
from members.peers import Peers
from members.settings import MemberSettings
from members.strict import StrictServer

Function = TypeVar("Function", bound=Callable[..., Any])
Lifespan = Callable[[MCPServer[Any]], AbstractAsyncContextManager[Any]]

log = structlog.get_logger(__name__)


class Member:
    """A tool server that joins a federation by dialling out to NATS; it needs no open port."""

    def __init__(
        self,
        id: str,
        *,
        name: str | None = None,
        description: str = "",
        version: str = "1.0.0",
        capabilities: Sequence[str] = (),
        tags: Sequence[str] = (),
        server: Any = None,
        settings: MemberSettings | None = None,
        lifespan: Lifespan | None = None,
        **more: Any,
    ) -> None:
        """`server` is an MCP server object of yours to serve as it is (an `MCPServer`, a low-level `Server`, FastMCP);
        without one, `mcp` is made, and `lifespan` is entered before the first call and left after the last: the place
        to own what tools share.
        `more` are further manifest fields, or settings by their names (`limit`, `heartbeat_interval_s`, …).

        Raises InvalidRequest for an id or a manifest the directory would refuse.
        """
        self.id = checked_member(id)
        named = {key: more.pop(key) for key in list(more) if key in MemberSettings.model_fields}
        self.settings = (settings or MemberSettings()).model_copy(update=named)
        self._manifest: dict[str, Any] = {
            "id": id,
            "name": name or id,
            "description": description,
            "version": version,
            "capabilities": list(capabilities),
            "tags": list(tags),
            "heartbeat_interval_s": self.settings.heartbeat_interval_s,
            **({"site": self.settings.site} if self.settings.site else {}),
            **more,
        }
        read_manifest(dict(self._manifest), member=id)
        self._tools: dict[str, Tool] = {}
        self._lifespan = lifespan
        self.fanout = Fanout()
        self.peers = Peers()
        """The other members, for tools that work on what those offer."""
        self.mcp: Any = server if server is not None else self._mcp_server()
        """The MCP server object: register resources, prompts and completions there."""
        self._lowlevel = lowlevel(self.mcp)

    @property
    def identity(self) -> Identity:
        """Who its connection is, where the bus wants to know."""
        return Identity(Role.READING_MEMBER, self.id)

    # tools --------------------------------------------------------------------------------------------------------

    @overload
    def tool(self, fn: Function, /) -> Function: ...

    @overload
    def tool(
        self,
        fn: None = None,
        /,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | None = None,
    ) -> Callable[[Function], Function]: ...

    def tool(
        self,
        fn: Function | None = None,
        /,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | None = None,
    ) -> Function | Callable[[Function], Function]:
        """Make a typed function a tool: its signature is the input schema, its return type the output schema.

        A plain function runs in a thread, a coroutine function on the loop. Raises InvalidRequest for a bad name, or
        when the member serves a server object of yours: its tools are made there.
        """
        if not isinstance(self.mcp, MCPServer):
            raise InvalidRequest("tool: this member serves a server object of your own; make its tools there")

        def add(function: Function) -> Function:
            told = description or inspect.getdoc(function)
            fn = guarded(function)
            tool = Tool.from_function(fn, name=name, title=title, description=told, annotations=annotations)
            self._tools[checked_tool(tool.name)] = tool
            self.mcp.add_tool(fn, name=name, title=title, description=told, annotations=annotations)
            return function

        return add if fn is None else add(fn)

    def _mcp_server(self) -> MCPServer[Any]:
        keys = self.settings.state_keys
        security = RequestStateSecurity(keys=keys.get_secret_value().split(",")) if keys else None
        return StrictServer(
            self.id,
            title=self._manifest["name"],
            version=self._manifest["version"],
            description=self._manifest["description"] or None,
            request_state_security=security,
            subscriptions=self.fanout,
            lifespan=self._lifespan,
            log_level="WARNING",
        )

    def _served(self) -> Served:
        return Served(self._manifest, self._lowlevel, self.settings, self._tools, self.fanout, self.peers)

    # life ---------------------------------------------------------------------------------------------------------

    async def run(self, nats_url: str | None = None, *, settings: BusSettings | None = None) -> None:
        """Serve until SIGTERM or SIGINT: then take no more calls, finish those in flight, leave.

        A NATS server that is not there yet is waited for. Raises the directory's refusal of the manifest.
        """
        settings = settings or BusSettings()
        if nats_url is not None:
            settings = settings.model_copy(update={"nats_url": nats_url})
        stop = _stop_signal()
        bus = await _connect_patiently(settings, self, stop)
        if bus is None:
            return
        try:
            async with self.serving(bus):
                await stop.wait()
        finally:
            await bus.close()

    @asynccontextmanager
    async def serving(self, bus: Bus) -> AsyncIterator[Serving]:
        """Serve on an open bus for the length of the block; announced when it begins, gone when it ends."""
        serving = Serving(self._served(), bus)
        await serving.start()
        try:
            yield serving
        finally:
            await serving.stop()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _connect_patiently(settings: BusSettings, member: Member, stop: asyncio.Event) -> Bus | None:
    """An open bus, however long NATS takes to be there; None when told to stop before."""
    while not stop.is_set():
        try:
            return await Bus.connect(settings, name=f"omega:member/{member.id}", identity=member.identity)
        except Disconnected as exc:
            log.warning("waiting_for_nats", reason=exc.message)
    return None
