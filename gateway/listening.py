"""One listening port with its application: bind, serve, drain.

aiohttp serves; what it leaves open is closed here: errors it finds before any handler (a request head that cannot be
parsed) get the one shape of every error, a head that never ends is cut off, and connections are counted.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from aiohttp import hdrs, web

from bus.errors import FederationError, Internal, Malformed
from gateway.border import error_answer
from gateway.crowd import Crowd, room
from gateway.guards import secure
from gateway.settings import GatewaySettings

LINGER_S = 5.0
"""How long the rest of a refused body is read and thrown away, so that the refusal reaches a client still sending."""
BACKLOG = 1024
HANDSHAKE_S = 10.0
"""How long a TLS handshake may take."""
LAST_REQUESTS_S = 0.3
"""How long a connection made before the end may take to bring its request. What is idle then is closed."""

log = structlog.get_logger(__name__)


class CannotListen(OSError):
    """A port could not be bound: `errno` says why, `host` and `port` where."""

    def __init__(self, cause: OSError, host: str, port: int) -> None:
        super().__init__(cause.errno, f"cannot listen on {host} port {port}: {cause.strerror or cause}")
        self.host = host
        self.port = port


class Connection(web.RequestHandler):
    """One client connection."""

    __slots__ = ("_crowd",)

    def __init__(self, *args: Any, crowd: Crowd, **more: Any) -> None:
        super().__init__(*args, **more)
        self._crowd = crowd

    @property
    def idle(self) -> bool:
        """No request of it is in hand."""
        return self._current_request is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._crowd.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._crowd.leave(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what no handler saw. Raises ConnectionError when part of another answer was sent."""
        log.info("request_not_read", status=status, error=str(message or exc)[:200])
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        answer = error_answer(_unread(status, message))
        secure(answer.headers)
        answer.force_close()
        return answer


def _unread(status: int, message: str | None) -> FederationError:
    reason = (message or "").partition("\n")[0][:200]
    return Malformed(f"the request cannot be read: {reason}") if status < 500 else Internal()


@dataclass(slots=True)
class Listener:
    """A port that is served."""

    runner: web.AppRunner
    servers: tuple[asyncio.Server, ...]
    connection: Callable[[], Connection]
    leaving: asyncio.Event
    """Set when every answer is to be the last of its connection."""
    tls: ssl.SSLContext | None = None
    late: list[socket.socket] = field(default_factory=list)
    """Connections that the kernel had made and nobody had taken when the port was closed."""

    def refuse(self) -> None:
        """Take no more connections; those who had connected already are still served."""
        self.leaving.set()
        for server in self.servers:
            for listening in server.sockets:
                self.late += _waiting(listening.fileno())
            server.close()

    async def drain(self) -> None:
        """Answer who had connected already, wait for the requests in flight (`drain_s`), then cut off what is left."""
        loop = asyncio.get_running_loop()
        for connected in self.late:
            with suppress(OSError):  # a client that never says hello, or left
                await loop.connect_accepted_socket(self.connection, connected, ssl=self.tls)
        if self.runner.server is not None and self.runner.server.connections:
            await asyncio.sleep(LAST_REQUESTS_S)
        await self.runner.cleanup()


def _waiting(listening: int) -> list[socket.socket]:
    """The connections that nobody has taken yet from the socket with that descriptor."""
    found: list[socket.socket] = []
    with socket.socket(fileno=os.dup(listening)) as door, suppress(BlockingIOError, ConnectionAbortedError):
        door.setblocking(False)
        while True:
            connected, _ = door.accept()
            connected.setblocking(False)
            found.append(connected)
    return found


@dataclass(frozen=True, slots=True)
class Bound:
    """Sockets that hold one port on every address of a host, not served yet."""

    sockets: tuple[socket.socket, ...]

    @property
    def port(self) -> int:
        """The port, also when 0 was asked for."""
        return int(self.sockets[0].getsockname()[1])

    def close(self) -> None:
        for held in self.sockets:
            held.close()


async def bind(host: str, port: int) -> Bound:
    """Hold `port` of `host`. Raises CannotListen."""
    held: list[socket.socket] = []
    try:
        for family, address in await _addresses(host, port):
            number = held[0].getsockname()[1] if held else port
            held.append(socket.create_server((address, number), family=family, backlog=BACKLOG))
    except OSError as exc:
        Bound(tuple(held)).close()
        raise CannotListen(exc, host, port) from exc
    return Bound(tuple(held))


async def serve(
    app: web.Application, bound: Bound, settings: GatewaySettings, tls: ssl.SSLContext | None = None
) -> Listener:
    """Serve `app` on `bound`, which is the listener's from here on; with `tls`, in HTTPS."""
    leaving = asyncio.Event()
    app.on_response_prepare.append(partial(_say_goodbye, leaving))
    # aiohttp waits twice for what is in flight, the second time only for what did not end in the first.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=settings.drain_s / 2)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    connection = partial(
        Connection,
        runner.server,
        loop=loop,
        access_log=None,
        keepalive_timeout=settings.idle_timeout_s,
        lingering_time=LINGER_S,
        crowd=Crowd(room(settings.max_connections)),
    )
    patience = HANDSHAKE_S if tls is not None else None
    servers = [
        await loop.create_server(connection, sock=held, backlog=BACKLOG, ssl=tls, ssl_handshake_timeout=patience)
        for held in bound.sockets
    ]
    return Listener(runner, tuple(servers), connection, leaving, tls)


async def _say_goodbye(leaving: asyncio.Event, _: web.Request, answer: web.StreamResponse) -> None:
    """A client that is told does not send its next request into a connection that is about to close."""
    if leaving.is_set():
        answer.headers[hdrs.CONNECTION] = "close"
        answer.force_close()


async def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
