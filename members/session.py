"""What the SDK's runner asks of a transport, for one request from the bus: notifications out, nothing back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.transport_context import TransportContext

Notify = Callable[[bytes], None]
"""Takes one MCP notification as JSON bytes."""


@dataclass(slots=True)
class BusDispatch:
    """The dispatch context of one request."""

    request_id: str | int
    progress_token: str | int | None
    """None: the caller did not ask for progress."""
    notify_bytes: Notify
    transport: TransportContext = field(default_factory=lambda: TransportContext(kind="nats", can_send_request=False))
    message_metadata: None = None
    can_send_request: bool = False
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> dict[str, Any]:
        """The bus has no way back to the client: raises NoBackChannelError."""
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: Any = None) -> None:
        self.notify_bytes(orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}}))

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        if self.progress_token is None:
            return
        told = {"progressToken": self.progress_token, "progress": progress, "total": total, "message": message}
        await self.notify("notifications/progress", {key: value for key, value in told.items() if value is not None})
