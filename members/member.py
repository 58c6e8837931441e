"""A member: an MCP server of yours, present in the federation while it runs.

member = Member("weather", name="Weather", version="1.2.0", tags=["forecast"])

@member.tool
async def forecast(city: str, days: int = 1) -> Forecast: ...

asyncio.run(member.run("nats://127.0.0.1:4222"))
"""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload

import structlog
from mcp.server import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from bus import Bus, BusSettings, Instance
from bus.errors import Disconnected
from bus.manifest import read_manifest
from bus.micro import Endpoint, MicroResponder, MicroService
from bus.names import checked_member, checked_tool
from members.fate import guarded
from members.kernel import Kernel
from members.presence import Load, Presence
from members.serving import CallStation
from members.settings import MemberSettings

Function = TypeVar("Function", bound=Callable[..., Any])

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
        settings: MemberSettings | None = None,
        **more: Any,
    ) -> None:
        """`more` are further manifest fields, or settings by their names (`limit`, `heartbeat_interval_s`, …).

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

        A plain function runs in a thread, a coroutine function on the loop. Raises InvalidRequest for a name taken.
        """

        def add(function: Function) -> Function:
            tool = Tool.from_function(
                function, name=name, title=title, description=description, annotations=annotations
            )
            tool.fn = guarded(function)
            self._tools[checked_tool(tool.name)] = tool
            return function

        return add if fn is None else add(fn)

    def server(self) -> MCPServer[Any]:
        """The MCP server object with all tools so far."""
        return MCPServer(
            self._manifest["name"],
            version=self._manifest["version"],
            description=self._manifest["description"] or None,
            tools=list(self._tools.values()),
            log_level="WARNING",
        )

    async def manifest(self) -> dict[str, Any]:
        """What it announces: its own fields and its tools as MCP tool objects."""
        tools = await self.server().list_tools()
        listed = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
        return read_manifest({**self._manifest, "tools": listed}, member=self.id)

    # life ---------------------------------------------------------------------------------------------------------

    async def run(self, nats_url: str | None = None, *, settings: BusSettings | None = None) -> None:
        """Serve until SIGTERM or SIGINT: then take no more calls, finish those in flight, leave.

        A NATS server that is not there yet is waited for. Raises the directory's refusal of the manifest.
        """
        settings = settings or BusSettings()
        if nats_url is not None:
            settings = settings.model_copy(update={"nats_url": nats_url})
        stop = _stop_signal()
        bus = await _connect_patiently(settings, f"omega:member/{self.id}", stop)
        if bus is None:
            return
        try:
            async with self.serving(bus) as serving:
                await serving.until(stop)
        finally:
            await bus.close()

    @asynccontextmanager
    async def serving(self, bus: Bus) -> AsyncIterator[Serving]:
        """Serve on an open bus for the length of the block; announced when it begins, gone when it ends."""
        serving = Serving(self, bus)
        await serving.start()
        try:
            yield serving
        finally:
            await serving.stop()


class Serving:
    """One instance of a member at work: its calls, its presence, its answers to `nats micro`."""

    def __init__(self, member: Member, bus: Bus) -> None:
        self._member = member
        self._bus = bus
        self.who = Instance(member.id, member.settings.instance or secrets.token_hex(4))
        self._stopped = asyncio.Event()
        self._server = member.server()
        self._lifespan = self._server._lowlevel_server.lifespan(self._server._lowlevel_server)

    async def start(self) -> None:
        """Returns when calls are taken and the registry has stored the instance. Raises the directory's refusal."""
        state = await self._lifespan.__aenter__()
        kernel = Kernel(self._server, self._member._tools, state)
        self.calls = CallStation(self._bus, self.who, kernel, self._member.settings)
        await self.calls.start()
        manifest = await self._member.manifest()
        self._micro = MicroResponder(self._bus, _micro_service(self.who, manifest, self.calls.endpoint))
        self._micro.start()
        self.presence = Presence(self._bus, self.who, manifest, self._load)
        self.presence.start()
        await self.presence.announced.wait()
        if self.presence.refused is not None:
            error = self.presence.refused
            await self.stop()
            raise error

    async def until(self, stop: asyncio.Event) -> None:
        await stop.wait()

    async def stop(self) -> None:
        """Leave the directory, finish the calls in flight, end."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        await self.presence.leave()
        await self.calls.drain()
        await self._micro.stop()
        await self._lifespan.__aexit__(None, None, None)

    def _load(self) -> Load:
        return Load(self.calls.load, self.calls.in_flight, self._member.settings.limit)


def _micro_service(who: Instance, manifest: dict[str, Any], call: Endpoint) -> MicroService:
    return MicroService(
        name=who.member,
        id=who.instance,
        version=manifest["version"],
        description=manifest["description"],
        metadata={"omega": "1", "kind": "member"},
        endpoints=[call],
    )


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _connect_patiently(settings: BusSettings, name: str, stop: asyncio.Event) -> Bus | None:
    """An open bus, however long NATS takes to be there; None when told to stop before."""
    while not stop.is_set():
        try:
            return await Bus.connect(settings, name=name)
        except Disconnected as exc:
            log.warning("waiting_for_nats", reason=exc.message)
    return None
