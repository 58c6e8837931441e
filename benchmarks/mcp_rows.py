"""MCP over HTTP: `tools/call` through the gateway in both eras, beside the SDK's own server.

`python -m benchmarks.mcp_rows [--quick]` prints the rows.

The load comes over bare sockets, so that the client costs little of the two cores it shares with what is measured.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sys
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

import orjson
import structlog
import uvicorn
from mcp.server import MCPServer

from benchmarks.load import Request, Result, measure
from benchmarks.roles import forever
from benchmarks.stage import Process, Stage, stage
from bus import Bus, BusSettings
from gateway import Gateway, GatewaySettings

LEVELS = (1, 16, 64)
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

    def request(self, message: object, head: dict[str, str]) -> bytes:
        body = orjson.dumps(message)
        lines = {"Host": f"127.0.0.1:{self.port}", "Content-Type": "application/json", "Accept": ACCEPT, **head}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self.path} HTTP/1.1\r\n{text}Content-Length: {len(body)}\r\n\r\n".encode() + body


def call(meta: dict[str, object] | None) -> dict[str, object]:
    params: dict[str, object] = {"name": "repeat", "arguments": ARGUMENTS, **({"_meta": meta} if meta else {})}
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
        connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", url.port)
        head, body = await exchange(connection, b"%s%0*d%s" % (before, len(ID), next(numbers), after))
        if b" 200 " not in head or b'"text":"xxx' not in body.replace(b" ", b""):
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
    found = _SESSION.search(head)
    if found is None:
        raise AssertionError((head, body))
    session = {"Mcp-Session-Id": found[1].decode(), "MCP-Protocol-Version": "2025-11-25"}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    connection[1].write(url.request(ready, session))
    await connection[0].readuntil(b"\r\n\r\n")
    connection[1].close()
    return caller(url, url.request(call(None), session))


async def rows(url: Url, watched: list[Process], seconds: float) -> dict[str, list[Result]]:
    """Both eras at every level."""
    modern = caller(url, url.request(call(dict(META)), MODERN))
    legacy = await in_a_session(url)
    found: dict[str, list[Result]] = {}
    for era, request in (("2026-07-28", modern), ("2025-11-25", legacy)):
        found[era] = [await measure(request, level, watched, seconds) for level in LEVELS]
    return found


def shown(name: str, results: list[Result]) -> str:
    rates = " | ".join(f"{result.rate:,.0f}" for result in results)
    cpu = ", ".join(f"{process} {us:.0f}" for process, us in results[-1].cpu_us.items())
    return f"| {name} | {rates} | {results[0].p50_ms:.2f} | {results[-1].p99_ms:.1f} | {cpu} |"


async def main(seconds: float) -> None:
    print("| tools/call | 1 caller, req/s | 16 | 64 | p50 ms at 1 | p99 ms at 64 | CPU µs a call at 64 |")
    print("|---|---|---|---|---|---|---|")
    with stage() as running:
        running.start("directory")
        member, gateway = running.start("member"), _own(running, "gateway", running.url)
        found = await rows(Url(gateway.port, "/servers/bench/mcp"), [gateway, member], seconds)
        for era, results in found.items():
            print(shown(f"through the gateway, {era}", results), flush=True)
        sdk = _own(running, "sdk")
        for era, results in (await rows(Url(sdk.port, "/mcp"), [sdk], seconds)).items():
            print(shown(f"the SDK's own HTTP server, {era}", results), flush=True)


def _own(running: Stage, role: str, *arguments: str) -> Process:
    process = Process(role, [sys.executable, "-m", "benchmarks.mcp_rows", role, *arguments])
    running._processes.append(process)
    return process.wait_ready()


async def gateway(url: str) -> None:
    """The gateway, as `omega gateway` runs it: what was imported is kept out of the collector's way."""
    bus = await Bus.connect(BusSettings(nats_url=url))
    served = Gateway(bus, GatewaySettings(port=0, doors={}))
    await served.start()
    print(f"port {urlsplit(served.url).port}", flush=True)
    await forever()


async def sdk() -> None:
    """The same tool on the SDK's own streamable HTTP server."""
    server: MCPServer[object] = MCPServer("bench", log_level="ERROR")

    @server.tool()
    async def repeat(text: str) -> dict[str, str]:
        """Say it again."""
        return {"text": text}

    config = uvicorn.Config(server.streamable_http_app(), host="127.0.0.1", port=0, log_level="error")
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


async def chosen(arguments: list[str]) -> None:
    if arguments[:1] in (["sdk"], ["gateway"]):
        gc.freeze()
        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), cache_logger_on_first_use=True
        )
        await (sdk() if arguments[0] == "sdk" else gateway(arguments[1]))
    else:
        await main(1.0 if "--quick" in arguments else 3.0)


if __name__ == "__main__":
    asyncio.run(chosen(sys.argv[1:]))
