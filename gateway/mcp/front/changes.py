"""What a listen stream was granted, and the notifications that say all of it may have changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_LISTS = ("tools", "prompts", "resources")


def is_notification(notification: bytes) -> bool:
    """Whether a server's frame is what it should be: a member may send anything."""
    try:
        message = orjson.loads(notification)
    except orjson.JSONDecodeError:
        return False
    return isinstance(message, dict) and isinstance(message.get("method"), str)


def acknowledged(notification: bytes) -> Mapping[str, Any] | None:
    """What a server that acknowledges a subscription will tell of; None for any other notification."""
    message = orjson.loads(notification)
    if message.get("method") != ACKNOWLEDGED:
        return None
    params = message.get("params")
    honoured = params.get("notifications") if isinstance(params, Mapping) else None
    return honoured if isinstance(honoured, Mapping) else {}


def may_have_changed(honoured: Mapping[str, Any]) -> Iterator[bytes]:
    """A notification for everything in `honoured`, as a legacy client knows it."""
    for kind in _LISTS:
        if honoured.get(f"{kind}ListChanged") is True:
            yield _notification(f"notifications/{kind}/list_changed", {})
    uris = honoured.get("resourceSubscriptions")
    for uri in uris if isinstance(uris, list) else ():
        if isinstance(uri, str):
            yield _notification("notifications/resources/updated", {"params": {"uri": uri}})


def _notification(method: str, more: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "method": method, **more})
