"""The other members, as a member's own tools may see them: their resources, read over the same bus."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from mcp.shared.inbound import encode_header_value
from mcp_types.version import LATEST_MODERN_VERSION

from bus import Bus, CallOptions, Federation, McpRequest
from bus.errors import Disconnected, InvalidArguments, NotFound, ToolError
from bus.names import MEMBER_ROOT, parted_uri

READ = "resources/read"

_META = {
    "io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Peers:
    """The federation from inside a member. Before `attach`, nobody is there."""

    def __init__(self) -> None:
        self._federation: Federation | None = None

    def attach(self, bus: Bus) -> None:
        """Ask over `bus` from now on."""
        self._federation = Federation(bus)

    def detach(self) -> None:
        self._federation = None

    async def read(self, uri: str, *, max_bytes: int, timeout: float) -> tuple[bytes, str]:
        """Content and media type of `omega://member/<id>/<its own URI>`.

        Raises InvalidArguments for a URI that names no member's resource, NotFound where the member has no such
        resource, ToolError for one without content, TooLarge, and what kept the member from answering.
        """
        if self._federation is None:
            raise Disconnected("this member is not part of a federation now")
        found = parted_uri(uri)
        if found is None:
            raise InvalidArguments(f"a member's resource is called {MEMBER_ROOT}<id>/<its own URI>")
        asked = _asked(*found)
        # Base64 and JSON make of the content what is a third larger; what is around it is small.
        options = CallOptions(timeout=timeout, max_result=max_bytes * 4 // 3 + 65_536)
        return content(orjson.loads((await self._federation.mcp(asked, options)).data), uri)


def _asked(member: str, uri: str) -> McpRequest:
    message = {"jsonrpc": "2.0", "id": 1, "method": READ, "params": {"uri": uri, "_meta": _META}}
    return McpRequest(member, READ, encode_header_value(uri), orjson.dumps(message))


def content(response: dict[str, Any], uri: str) -> tuple[bytes, str]:
    """The first content of a `resources/read` response. Raises NotFound, ToolError."""
    if "error" in response:
        raise NotFound(f"{uri[:200]}: {str(response['error'].get('message', ''))[:200]}")
    contents = response.get("result", {}).get("contents") or [{}]
    kind = str(contents[0].get("mimeType") or "application/octet-stream")
    if isinstance(text := contents[0].get("text"), str):
        return text.encode(), kind
    if isinstance(blob := contents[0].get("blob"), str):
        try:
            return base64.b64decode(blob, validate=True), kind
        except ValueError as exc:
            raise ToolError(f"{uri[:200]}: its content is not base64") from exc
    raise ToolError(f"{uri[:200]}: the resource has no content")
