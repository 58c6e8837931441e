"""A client that does not read what it asked for is cut off, and its tool is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from bus import BusSettings
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Context, Member
from tests.support import mcp
from tests.support.federation import running_member

BUFFER = 1 << 16


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, doors={}, drain_s=1, stream_buffer_bytes=BUFFER, send_timeout_s=5)


@pytest.fixture
async def stopped(directory: Directory, settings: BusSettings) -> AsyncIterator[asyncio.Event]:
    """Set when the chatty tool was cancelled."""
    stopped = asyncio.Event()
    member = Member("chatty")

    @member.tool
    async def chat(ctx: Context[Any, Any]) -> str:
        """Say more than anybody reads."""
        try:
            for step in range(10_000):
                await ctx.report_progress(step, message="x" * 8_000)
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return "never"

    async with running_member(member, settings):
        yield stopped


async def test_a_client_that_reads_nothing_is_cut_off(gateway: Gateway, stopped: asyncio.Event) -> None:
    body = orjson.dumps(mcp.body("tools/call", {"name": "chat"}, progressToken="p"))
    head = (
        "POST /servers/chatty/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        f"Mcp-Method: tools/call\r\nMcp-Name: chat\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    parts = urlsplit(gateway.url)
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, (parts.hostname, parts.port))
        await loop.sock_sendall(deaf, head.encode() + body)
        async with asyncio.timeout(30):
            await stopped.wait()
