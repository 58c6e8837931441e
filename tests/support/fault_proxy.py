"""A TCP proxy that misbehaves on demand: it stands between a client and a server and does what networks do.

    async with FaultProxy(server_port) as proxy:
        ... connect to proxy.port ...
        proxy.hold()        # nothing gets through and nothing is lost; soon the sender's socket is full
        proxy.release()     # all of it arrives, in order
        proxy.delay(0.2)    # a longer way, in both directions
        proxy.swallow()     # half-open: bytes vanish, and neither side is told of anything, not even of an end
        proxy.cut()         # every connection ends with a reset; new ones are let in
        proxy.refuse()      # and no new ones either, until `accept`
        proxy.inject(b"x")  # bytes that nobody sent

Each fault can be put on one direction. A fault holds for connections that come later too, until it is lifted.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

_READ = 16 * 1024
_UNDER_WAY = 16
"""Chunks on their way through: above it the sender has to wait, as before a full network."""


class Direction(enum.Flag):
    """Which way the bytes go."""

    TO_SERVER = enum.auto()
    TO_CLIENT = enum.auto()
    BOTH = TO_SERVER | TO_CLIENT


@dataclass(slots=True)
class Weather:
    """What happens to bytes of one direction, on every connection."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    delay_s: float = 0.0
    swallowed: bool = False

    def __post_init__(self) -> None:
        self.open.set()


class FaultProxy:
    """Listens on a free port of the loopback and hands every connection on to `server_port`."""

    def __init__(self, server_port: int, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._target = (host, server_port)
        self._host = host
        self.port = port
        self.accepted = 0
        """Connections ever let in."""
        self._weather = {Direction.TO_SERVER: Weather(), Direction.TO_CLIENT: Weather()}
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._ways: set[_Way] = set()

    @property
    def url(self) -> str:
        """For a NATS client."""
        return f"nats://{self._host}:{self.port}"

    @property
    def links(self) -> int:
        """Connections open now."""
        return len(self._links)

    async def __aenter__(self) -> FaultProxy:
        await self.accept()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.stop()

    async def accept(self) -> None:
        """Let connections in; always on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._link, self._host, self.port, limit=_READ)
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Let no new connections in: who dials is refused at once. Those that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        """End everything."""
        self.refuse()
        links = list(self._links)
        self.cut()
        await asyncio.gather(*links, return_exceptions=True)

    # faults -------------------------------------------------------------------------------------------------------

    def hold(self, direction: Direction = Direction.BOTH) -> None:
        """Keep bytes back, and soon read no more of them. What already is under way is kept as well."""
        for weather in self._of(direction):
            weather.open.clear()

    def release(self, direction: Direction = Direction.BOTH) -> None:
        """Let the bytes held back go on, in order."""
        for weather in self._of(direction):
            weather.open.set()

    def delay(self, seconds: float, direction: Direction = Direction.BOTH) -> None:
        """Every byte arrives so much later; 0 ends it."""
        for weather in self._of(direction):
            weather.delay_s = seconds

    def swallow(self, direction: Direction = Direction.BOTH) -> None:
        """Take bytes and throw them away, and tell nobody when the other side closes."""
        for weather in self._of(direction):
            weather.swallowed = True

    def inject(self, data: bytes, direction: Direction = Direction.TO_CLIENT) -> None:
        """Bytes that nobody sent, on every open connection, between two chunks of those that somebody did."""
        for way in self._ways:
            if way.weather in self._of(direction):
                way.road.put_nowait((0.0, data))

    def heal(self) -> None:
        """Lift every fault. A connection that lost bytes is of no use to its ends any more: `cut` it, or they will."""
        for weather in self._weather.values():
            weather.swallowed, weather.delay_s = False, 0.0
            weather.open.set()

    def cut(self) -> None:
        """Reset every open connection."""
        for link in self._links:
            link.cancel()

    def _of(self, direction: Direction) -> list[Weather]:
        return [weather for way, weather in self._weather.items() if way in direction]

    # one connection -----------------------------------------------------------------------------------------------

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        self.accepted += 1
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target, limit=_READ)
            writers.append(far_writer)
            await self._carry((reader, writer), (far_reader, far_writer))
        except (OSError, asyncio.CancelledError):
            pass  # a fault, ours or theirs: both ends learn it by the reset below
        finally:
            self._links.discard(task)
            for end in writers:
                _reset(end)

    async def _carry(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Until either side closes, or is cut."""
        there = _Way(near[0], far[1], self._weather[Direction.TO_SERVER])
        back = _Way(far[0], near[1], self._weather[Direction.TO_CLIENT])
        self._ways |= {there, back}
        running = [asyncio.create_task(way.run()) for way in (there, back)]
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ways -= {there, back}
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


class _Way:
    """One direction of one connection: a reader and a writer with a short road between them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, weather: Weather) -> None:
        self._reader = reader
        self._writer = writer
        self.weather = weather
        self.road: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)

    async def run(self) -> None:
        """Return when its sender has closed and all it sent was handed on."""
        loop = asyncio.get_running_loop()
        arriving = asyncio.create_task(self._arrive())
        try:
            while data := await self._reader.read(_READ):
                await self.road.put((loop.time() + self.weather.delay_s, data))
            await self.road.put((loop.time() + self.weather.delay_s, b""))
            await arriving
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)

    async def _arrive(self) -> None:
        while True:
            due, data = await self.road.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            await self.weather.open.wait()
            if self.weather.swallowed:
                continue
            if not data:
                return
            self._writer.write(data)
            with suppress(ConnectionError):  # the reader of that side learns it too, and ends the connection
                await self._writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once with a TCP reset, whatever is still buffered."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
