"""A strict MCP server of 2025-11-25 over HTTP that counts: its sessions, and what it was asked with which method."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SESSION = "Mcp-Session-Id"


@dataclass
class Counting:
    """What it saw."""

    url: str = ""
    opened: int = 0
    sessions: set[str] = field(default_factory=set)
    methods: Counter[str] = field(default_factory=Counter)
    """HTTP methods."""
    asked: Counter[str] = field(default_factory=Counter)
    """JSON-RPC methods."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.methods[request.method] += 1
        session = request.headers.get(SESSION, "")
        if request.method == "DELETE":
            self.sessions.discard(session)
            return web.Response(status=204)
        if request.method != "POST":
            return web.Response(status=405)
        message = await request.json()
        self.asked[message["method"]] += 1
        if message["method"] == "initialize":
            session = secrets.token_hex(8)
            self.opened += 1
            self.sessions.add(session)
        elif message["method"] == "server/discover":
            return web.json_response(_error(message, -32601), status=400)
        elif session not in self.sessions:
            return web.json_response(_error(message, -32600), status=404)
        if "id" not in message:
            return web.Response(status=202)
        told = {"jsonrpc": "2.0", "id": message["id"], "result": _result(message)}
        return web.json_response(told, headers={SESSION: session})


def _error(message: dict[str, Any], code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": "no"}}


def _result(message: dict[str, Any]) -> dict[str, Any]:
    info = {"name": "counting", "version": "1"}
    results: dict[str, dict[str, Any]] = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info},
        "tools/list": {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "said"}]},
    }
    return results.get(message["method"], {})


@asynccontextmanager
async def counting_server() -> AsyncIterator[Counting]:
    """It listens for the length of the block."""
    counting = Counting()
    app = web.Application()
    app.router.add_route("*", "/mcp", counting.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        counting.url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
        yield counting
    finally:
        await runner.cleanup()
