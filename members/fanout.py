"""List-changed and resource-updated events, told to the listeners of every instance of a member.

The SDK's seam for exactly this is its `SubscriptionBus`: what one instance publishes, the listen streams of all of
them deliver.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
import structlog
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from bus import Bus, Message
from bus.connection import Subscription
from bus.errors import Disconnected

_KINDS: dict[str, ServerEvent] = {
    "tools": ToolsListChanged(),
    "prompts": PromptsListChanged(),
    "resources": ResourcesListChanged(),
}

log = structlog.get_logger(__name__)


class Fanout:
    """A `SubscriptionBus` over NATS. Before `attach` it serves this process alone."""

    def __init__(self) -> None:
        self._local = InMemorySubscriptionBus()
        self._bus: Bus | None = None
        self._subject = ""
        self._subscription: Subscription | None = None

    def attach(self, bus: Bus, member: str) -> None:
        """Hear and tell the other instances of `member` from now on."""
        self._bus = bus
        self._subject = bus.subjects.changed(member)
        self._subscription = bus.listen(self._subject, self._on_message)

    async def detach(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()
        self._bus = None

    async def publish(self, event: ServerEvent) -> None:
        """Tell every instance, this one by the same way: each listener hears an event once."""
        if self._bus is not None:
            try:
                self._bus.send(self._subject, written(event))
                return
            except Disconnected:
                log.debug("change_told_here_only")
        await self._local.publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        return self._local.subscribe(listener)

    def _on_message(self, message: Message) -> None:
        event = read(message.data)
        if event is not None and self._bus is not None:
            self._bus.spawn(self._local.publish(event))


def written(event: ServerEvent) -> bytes:
    """An event as it travels: `{"kind": "tools" | "prompts" | "resources"}` or `{"kind": "resource", "uri"}`."""
    if isinstance(event, ResourceUpdated):
        return orjson.dumps({"kind": "resource", "uri": str(event.uri)})
    kind = next(kind for kind, known in _KINDS.items() if type(known) is type(event))
    return orjson.dumps({"kind": kind})


def read(data: bytes) -> ServerEvent | None:
    """The event of `written`; None for anything else."""
    try:
        told = orjson.loads(data)
        return ResourceUpdated(uri=told["uri"]) if told["kind"] == "resource" else _KINDS[told["kind"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
