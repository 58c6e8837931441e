"""Members as the directory shows them."""

from __future__ import annotations

from typing import Any

from gateway.mcp.federation.offers import Offer, listed_tool, offer_of


def manifest(id: str, *tools: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    told = [{"name": tool, "inputSchema": {"type": "object"}} if isinstance(tool, str) else tool for tool in tools]
    return {"id": id, "name": id.title(), "version": "1.0.0", "status": "active", "tools": told, **more}


def offer(id: str, *tools: str | dict[str, Any], **more: Any) -> Offer:
    told = manifest(id, *tools, **more)
    return offer_of(told, [one for tool in told["tools"] if (one := listed_tool(told, tool))])
