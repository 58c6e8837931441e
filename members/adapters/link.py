"""What a way to a server is: JSON-RPC requests out, each answered once, notifications on the way back.

A link knows nothing of revisions or methods. It ends once and is never mended: whoever holds it opens another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from mcp_types import METHOD_NOT_FOUND

Message = dict[str, Any]
"""One JSON-RPC message, decoded."""

Listener = Callable[[Message], Awaitable[None]]
"""Takes one notification, in order."""


class LinkDown(Exception):
    """The request was not taken: nothing of it ran."""


class LinkLost(Exception):
    """The link ended while the request was being worked on: it may have run."""


class Link(Protocol):
    """One open way to one server."""

    closed: asyncio.Event
    """Set when nothing more will come or go."""

    reason: str
    """Why it closed, for people."""

    async def request(self, message: Message, listen: Listener, headers: Mapping[str, str]) -> Message:
        """The response to a request whose id this link has not seen; `listen` takes what the server tells about it.

        Cancelling the task that awaits it tells the server to stop. Raises LinkDown, LinkLost.
        """
        ...

    async def notify(self, message: Message, headers: Mapping[str, str]) -> None:
        """Send a notification. Raises LinkDown."""
        ...

    async def close(self) -> None:
        """End it, with everything that was started for it."""
        ...


def refusal(request: Message) -> Message:
    """The answer to a request of the server's own: nobody is there whom it could ask.

    `ping` is granted.
    """
    method = request.get("method")
    if method == "ping":
        return {"jsonrpc": "2.0", "id": request["id"], "result": {}}
    told = f"{method}: this client is an adapter without a user; sampling, elicitation and roots are not offered"
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": METHOD_NOT_FOUND, "message": told}}


def is_request(message: Message) -> bool:
    return "method" in message and message.get("id") is not None


def is_notification(message: Message) -> bool:
    return "method" in message and message.get("id") is None


def cancelled(request_id: Any, reason: str) -> Message:
    """The notification that withdraws a request."""
    params = {"requestId": request_id, "reason": reason}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


def about(notification: Message) -> Any:
    """The id of the request a notification belongs to, where it says so: its progress token or its subscription."""
    params = notification.get("params")
    if not isinstance(params, Mapping):
        return None
    if notification.get("method") == "notifications/progress":
        return params.get("progressToken")
    meta = params.get("_meta")
    return meta.get("io.modelcontextprotocol/subscriptionId") if isinstance(meta, Mapping) else None
