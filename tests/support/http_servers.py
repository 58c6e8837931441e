"""MCP servers over HTTP as processes of their own: the SDK's, which speaks every revision, and an older one's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.strangers import node_server

MODERN = """
import sys, asyncio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("modern", title="Modern", version="3.2.1", instructions="Ask it to add.", log_level="WARNING")
stopped = asyncio.Event()
times_stopped = 0

@server.tool()
async def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

@server.tool()
async def count(to: int, ctx: Context) -> int:
    "Count, telling how far it is."
    for number in range(1, to + 1):
        await ctx.report_progress(number, to)
    return to

@server.tool()
async def much(bytes: int) -> str:
    "A text of that length."
    return "x" * bytes

@server.tool()
async def wait(seconds: float, ctx: Context) -> str:
    "Wait; tell when that was cut short."
    await ctx.report_progress(0, 1)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        global times_stopped
        times_stopped += 1
        stopped.set()
        raise
    return "done"

@server.tool()
async def was_stopped() -> bool:
    "Whether a wait was cut short."
    return stopped.is_set()

@server.tool()
async def stops() -> int:
    "How often a wait was cut short."
    return times_stopped

@server.tool()
async def learn(word: str, ctx: Context) -> str:
    "Grow another tool."
    server.add_tool(lambda: word, name=word, description="Learnt.")
    await ctx.notify_tools_changed()
    return word

server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
"""


@dataclass
class HttpServer:
    """A server on a port of its own; `start` after `kill` takes the same port."""

    command: tuple[str, ...]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env={**os.environ, "PORT": str(self.port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError(self.command)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def http_server(era: str) -> Iterator[HttpServer]:
    """`modern`: the Python SDK's server; `legacy`: server-everything, which has sessions."""
    port = free_port()
    modern = (sys.executable, "-c", MODERN, str(port))
    server = HttpServer(modern if era == "modern" else node_server("everything", "streamableHttp"), port)
    server.start()
    try:
        yield server
    finally:
        server.kill()
