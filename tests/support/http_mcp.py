"""MCP over HTTP, written by hand: what a client sends and gets, byte by byte."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from mcp.shared.inbound import NAME_BEARING_METHODS, encode_header_value

from tests.support import mcp

BOTH = "application/json, text/event-stream"
CLIENT = {"name": "test", "version": "1"}


@dataclass(frozen=True)
class Told:
    """A complete answer."""

    status: int
    headers: Any
    messages: list[Any]

    @property
    def last(self) -> Any:
        return self.messages[-1]

    @property
    def code(self) -> int | None:
        """The code of its JSON-RPC error."""
        error = self.last.get("error") if self.messages else None
        return error["code"] if error else None


@dataclass
class Caller:
    """A client of one MCP URL; with a session after `initialize`."""

    http: aiohttp.ClientSession
    path: str
    session: str = ""
    version: str = "2025-11-25"

    # 2026-07-28 -------------------------------------------------------------------------------------------------------

    def head(self, message: Any, **more: str | None) -> dict[str, str]:
        """The headers that go with a modern request; `more` replaces them, None leaves one out."""
        params = message.get("params", {})
        name = params.get(NAME_BEARING_METHODS.get(message["method"], ""))
        head: dict[str, str | None] = {
            "Accept": BOTH,
            "Content-Type": "application/json",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": message["method"],
            "Mcp-Name": encode_header_value(name) if name else None,
        }
        head |= {key.replace("_", "-"): value for key, value in more.items()}
        return {key: value for key, value in head.items() if value is not None}

    async def modern(self, method: str, params: dict[str, Any] | None = None, **meta: Any) -> Told:
        message = mcp.body(method, params, **meta)
        return await self.send(orjson.dumps(message), self.head(message))

    async def send(self, body: bytes, head: dict[str, str], method: str = "POST") -> Told:
        async with self.http.request(method, self.path, data=io.BytesIO(body), headers=head) as answer:
            return await read(answer)

    # before -----------------------------------------------------------------------------------------------------------

    def legacy_head(self, **more: str) -> dict[str, str]:
        head = {"Accept": BOTH, "Content-Type": "application/json", "MCP-Protocol-Version": self.version}
        if self.session:
            head["Mcp-Session-Id"] = self.session
        return head | {key.replace("_", "-"): value for key, value in more.items()}

    async def initialize(self, version: str = "2025-11-25", **capabilities: Any) -> Any:
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": CLIENT}
        self.session, self.version = "", version
        told = await self.legacy("initialize", params)
        self.session = told.headers["Mcp-Session-Id"]
        self.version = told.last["result"]["protocolVersion"]
        await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return told.last["result"]

    async def legacy(self, method: str, params: dict[str, Any] | None = None, *, id: str | int = 1) -> Told:
        return await self.post({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}})

    async def post(self, message: Any) -> Told:
        return await self.send(orjson.dumps(message), self.legacy_head())

    # streams ----------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def stream(self, body: bytes, head: dict[str, str], method: str = "POST") -> AsyncIterator[Stream]:
        """An answer that is read message by message."""
        async with self.http.request(method, self.path, data=body, headers=head) as answer:
            yield Stream(answer)

    def at(self, base: str) -> Caller:
        """The same client at another gateway."""
        return Caller(self.http, base + self.path, self.session, self.version)


class Stream:
    """An event stream, one message at a time."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self, within: float = 5.0) -> Any:
        """The next message; None at the end."""
        async with asyncio.timeout(within):
            while line := await self.answer.content.readline():
                if line.startswith(b"data: "):
                    return orjson.loads(line[6:])
        return None

    async def comment(self, within: float = 5.0) -> bytes:
        """The next keep-alive comment."""
        async with asyncio.timeout(within):
            while not (line := await self.answer.content.readline()).startswith(b":"):
                pass
        return line


async def read(answer: aiohttp.ClientResponse) -> Told:
    body = await answer.read()
    if answer.content_type == "text/event-stream":
        found = [orjson.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]
    else:
        found = [orjson.loads(body)] if body else []
    return Told(answer.status, answer.headers, found)
