"""MCP requests as a client writes them."""

from __future__ import annotations

from typing import Any

import orjson

from bus import McpRequest
from bus.message import Message

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def body(method: str, params: dict[str, Any] | None = None, *, id: str | int = 1, **meta: Any) -> dict[str, Any]:
    """A JSON-RPC request with its envelope."""
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**(params or {}), "_meta": {**META, **meta}}}


def request(member: str, method: str, params: dict[str, Any] | None = None, **more: Any) -> McpRequest:
    """The request as the federation sends it; `name` is what it names, `meta` further envelope fields."""
    told = body(method, params, **more.pop("meta", {}))
    return McpRequest(member, method, more.pop("name", None), orjson.dumps(told), **more)


def call(member: str, tool: str, arguments: dict[str, Any] | None = None, **more: Any) -> McpRequest:
    return request(member, "tools/call", {"name": tool, "arguments": arguments or {}}, name=tool, **more)


def result(message: Message) -> dict[str, Any]:
    """The result in a response."""
    told: dict[str, Any] = orjson.loads(message.data)
    assert "result" in told, told
    found: dict[str, Any] = told["result"]
    return found


def error(message: Message) -> dict[str, Any]:
    """The error in a response."""
    told: dict[str, Any] = orjson.loads(message.data)
    assert "error" in told, told
    found: dict[str, Any] = told["error"]
    return found
