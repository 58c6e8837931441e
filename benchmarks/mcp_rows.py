"""MCP over HTTP: `tools/call` through the gateway in both eras, beside the SDK's own server.

`python -m benchmarks.mcp_rows [--quick] [NAME=URL#TOOL …]` prints the rows; a URL is another server with the same tool,
to which `BESIDE_AUTHORIZATION` is sent.

The load comes over bare sockets, so that the client costs little of the two cores it shares with what is measured.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import platform
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import structlog
import uvicorn
import uvloop
from fastmcp.server import create_proxy
from mcp.server import MCPServer
from starlette.applications import Starlette

from benchmarks.load import Request, Result, measure
from benchmarks.roles import forever
from benchmarks.stage import Process, Stage, stage
from bus import Bus, BusSettings
from members.adapters.joined import Described, Joined
from members.adapters.targets import HttpTarget, StdioTarget

ROWS = "benchmarks.mcp_rows"
"""Where the roles are that only these rows need."""
LEVELS = (1, 16, 64)
ROUNDS = 3
ARGUMENTS = {"text": "x" * 100}
ID = "an id of its own"
ACCEPT = "application/json, text/event-stream"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
}
MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "repeat"}
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_SESSION = re.compile(rb"mcp-session-id: (\S+)", re.IGNORECASE)

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Url:
    """Where to send it."""

    port: int
    path: str
    tool: str = "repeat"
    authorization: str = ""
    answers: bytes = b'"text":"xxx'
    """What a right answer holds."""

    def request(self, message: object, head: dict[str, str]) -> bytes:
        body = orjson.dumps(message)
        lines = {"Host": f"127.0.0.1:{self.port}", "Content-Type": "application/json", "Accept": ACCEPT, **head}
        if self.authorization:
            lines["Authorization"] = self.authorization
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self.path} HTTP/1.1\r\n{text}Content-Length: {len(body)}\r\n\r\n".encode() + body


def call(meta: dict[str, object] | None, tool: str = "repeat") -> dict[str, object]:
    params: dict[str, object] = {"name": tool, "arguments": ARGUMENTS, **({"_meta": meta} if meta else {})}
    return {"jsonrpc": "2.0", "id": ID, "method": "tools/call", "params": params}


async def exchange(connection: Connection, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer."""
    reader, writer = connection
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    found = _LENGTH.search(head)
    if found is not None:
        return head, await reader.readexactly(int(found[1]))
    pieces = []
    while size := int(await reader.readline(), 16):
        pieces.append((await reader.readexactly(size + 2))[:-2])
    await reader.readline()
    return head, b"".join(pieces)


def caller(url: Url, sent: bytes) -> Request:
    """Sends the same bytes, each time with another id, on one of a pool of connections."""
    idle: list[Connection] = []
    before, after = sent.split(ID.encode())
    numbers = count()

    async def request() -> int:
        message = b"%s%0*d%s" % (before, len(ID), next(numbers), after)
        connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", url.port)
        try:
            head, body = await exchange(connection, message)
        except (asyncio.IncompleteReadError, ConnectionError):  # idle for too long between two turns
            connection = await asyncio.open_connection("127.0.0.1", url.port)
            head, body = await exchange(connection, message)
        if b" 200 " not in head or url.answers not in body.replace(b" ", b""):
            raise AssertionError((head, body[:300]))
        idle.append(connection)
        return len(body)

    return request


async def in_a_session(url: Url) -> Request:
    """A caller with a session of 2025-11-25."""
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    connection = await asyncio.open_connection("127.0.0.1", url.port)
    head, body = await exchange(connection, url.request(opening, {}))
    if b"protocolVersion" not in body:
        raise AssertionError((head, body))
    session = {"MCP-Protocol-Version": "2025-11-25"}
    if found := _SESSION.search(head):
        session["Mcp-Session-Id"] = found[1].decode()
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    connection[1].write(url.request(ready, session))
    await connection[0].readuntil(b"\r\n\r\n")
    connection[1].close()
    return caller(url, url.request(call(None, url.tool), session))


@dataclass(frozen=True)
class Side:
    """Something a client can call the tool at, and the processes that work for it."""

    name: str
    url: Url
    processes: list[Process]
    speaks_mcp: bool = True


@dataclass
class Lane:
    """One side in one era, and what was measured of it."""

    name: str
    request: Request
    processes: list[Process]
    results: dict[int, list[Result]] = field(default_factory=dict)
    trouble: str = ""

    async def run(self, level: int, seconds: float) -> None:
        if self.trouble:
            return
        try:
            self.results.setdefault(level, []).append(await measure(self.request, level, self.processes, seconds))
        except (AssertionError, OSError, asyncio.IncompleteReadError) as exc:
            self.trouble = f"{type(exc).__name__} at {level} callers: {str(exc)[:120]}"

    def row(self) -> str:
        if self.trouble:
            return f"| {self.name} | {self.trouble} | | | | | |"
        middle = [sorted(self.results[level], key=lambda one: one.rate)[ROUNDS // 2] for level in LEVELS]
        rates = " | ".join(f"{result.rate:,.0f}" for result in middle)
        cpu = ", ".join(f"{process} {us:.0f}" for process, us in middle[-1].cpu_us.items())
        return f"| {self.name} | {rates} | {middle[0].p50_ms:.2f} | {middle[-1].p99_ms:.1f} | {cpu} |"


async def opened(side: Side) -> list[Lane]:
    """Its lanes, one an era."""
    url = side.url
    modern = caller(url, url.request(call(dict(META), url.tool), {**MODERN, "Mcp-Name": url.tool}))
    if not side.speaks_mcp:
        return [Lane(side.name, modern, side.processes)]
    eras = {"2026-07-28": modern, "2025-11-25": await in_a_session(url)}
    return [Lane(f"{side.name}, {era}", request, side.processes) for era, request in eras.items()]


DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks_mcp.md"
PAGE = """\
# MCP over HTTP, measured

The last run of `python -m benchmarks.mcp_rows`: one small tool (100 bytes in and out) called over HTTP in both eras, at
1, 16 and 64 callers at once, each waiting for its answer. All sides ran on one machine ({cpus} CPUs, Python
{python}), NATS and the load included, and were called in turns, three times over; the middle one is shown. The rates of
one run can be compared with each other and with nothing else.

The first row is the floor of anything that passes HTTP on to NATS: a bare aiohttp handler that makes one request with
nats-py and looks at nothing. "Called directly" is the official SDK's own HTTP server with the same tool. "Joined" is
that server behind `omega join`. Rivals stand in front of the same server: FastMCP's proxy as `create_proxy(url)` on
uvicorn, ContextForge from PyPI as one process on SQLite with its authentication on and its rate limits off.
"""
HEAD = "| tools/call | 1 caller, req/s | 16 | 64 | p50 ms at 1 | p99 ms at 64 | CPU µs a call at 64 |"


async def main(seconds: float, beside: dict[str, Url]) -> list[str]:
    """A row a side, called in turns, three times over, so that a noisy moment falls on all; the middle one is shown."""
    with stage() as running:
        lanes = [lane for side in sides(running, beside) for lane in await opened(side)]
        for _ in range(ROUNDS):
            for level in LEVELS:
                for lane in lanes:
                    await lane.run(level, seconds)
    return [lane.row() for lane in lanes]


def write(rows: list[str], *, keep: bool) -> None:
    """Print the table; with `keep`, it is docs/benchmarks_mcp.md from now on."""
    table = "\n".join([HEAD, "|---|---|---|---|---|---|---|", *rows])
    print(table, flush=True)
    if not keep:
        return
    DOCUMENT.write_text(f"{PAGE.format(cpus=os.cpu_count(), python=platform.python_version())}\n{table}\n")


def sides(running: Stage, beside: dict[str, Url]) -> list[Side]:
    """The floor and the rivals first, then ours, all started now and called in turns."""
    running.start("directory")
    member, gateway, sdk = running.start("member"), running.start("gateway"), running.launch("sdk", ROWS)
    direct = f"http://127.0.0.1:{sdk.port}/mcp"
    http, stdio = (running.launch("join", ROWS, running.url, *to) for to in (("over_http", direct), ("over_stdio",)))
    proxy = running.launch("fastmcp", ROWS, direct)
    echo, bare = running.start("echo", "200"), running.start("bare_http", "200")
    floor = Url(bare.port, "/", answers=b"xxx")
    return [
        Side("a bare aiohttp handler with one bare NATS request", floor, [bare, echo], speaks_mcp=False),
        Side("the SDK's own HTTP server, called directly", Url(sdk.port, "/mcp"), [sdk]),
        Side("a native member, through the gateway", Url(gateway.port, "/servers/bench/mcp"), [gateway, member]),
        Side(
            "the SDK's HTTP server, joined, through the gateway",
            Url(gateway.port, "/servers/over_http/mcp"),
            [gateway, http, sdk],
        ),
        Side(
            "an SDK stdio server, joined, through the gateway",
            Url(gateway.port, "/servers/over_stdio/mcp"),
            [gateway, stdio],
        ),
        Side("the SDK's HTTP server behind FastMCP's proxy", Url(proxy.port, "/mcp"), [proxy, sdk]),
        *(Side(name, url, []) for name, url in beside.items()),
    ]


def sdk_server() -> MCPServer[object]:
    """The same tool on the SDK's own server."""
    server: MCPServer[object] = MCPServer("bench", log_level="ERROR")

    @server.tool()
    async def repeat(text: str) -> dict[str, str]:
        """Say it again."""
        return {"text": text}

    return server


async def join(url: str, member: str, target: str = "") -> None:
    """The adapter of `omega join`: of a URL, or of a stdio child."""
    bus = await Bus.connect(BusSettings(nats_url=url))
    command = (sys.executable, "-m", ROWS, "stdio")
    joined = Joined(Described(member), HttpTarget(target) if target else StdioTarget(command, dict(os.environ)))
    running = asyncio.create_task(joined.run(bus))
    await joined.present.wait()
    serving = asyncio.create_task(forever())
    await asyncio.wait({running, serving}, return_when=asyncio.FIRST_COMPLETED)


async def proxied(url: str) -> None:
    """FastMCP's proxy of a URL, served over HTTP as its own command does."""
    await served(create_proxy(url).http_app())


async def sdk() -> None:
    """The SDK's own streamable HTTP server."""
    await served(sdk_server().streamable_http_app())


async def served(app: Starlette) -> None:
    """An application on uvicorn, until the process ends."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    serving = uvicorn.Server(config)
    task = asyncio.create_task(serving.serve())
    while not serving.started:
        await asyncio.sleep(0.02)
    print(f"port {urlsplit('//' + _address(serving)).port}", flush=True)
    print("ready", flush=True)
    await task


def _address(serving: uvicorn.Server) -> str:
    host, port = serving.servers[0].sockets[0].getsockname()[:2]
    return f"{host}:{port}"


ROLES: dict[str, Callable[..., Awaitable[None]]] = {"sdk": sdk, "join": join, "fastmcp": proxied}


async def chosen(arguments: list[str]) -> None:
    role = ROLES.get(arguments[0]) if arguments else None
    if role is None:
        beside = [word.partition("=")[::2] for word in arguments if "=http" in word]
        quick = "--quick" in arguments
        rows = await main(1.0 if quick else 3.0, {name: _url(url) for name, url in beside})
        write(rows, keep=not quick)
        return
    gc.freeze()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=True
    )
    await role(*arguments[1:])


def _url(text: str) -> Url:
    parts = urlsplit(text)
    return Url(parts.port or 80, parts.path, parts.fragment or "repeat", os.environ.get("BESIDE_AUTHORIZATION", ""))


if __name__ == "__main__":
    if sys.argv[1:] == ["stdio"]:
        sdk_server().run("stdio")
    else:
        uvloop.run(chosen(sys.argv[1:]))
