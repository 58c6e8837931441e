"""Whole replies that were given before, kept while they are still true, bounded in number and in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

Key = tuple[str, str, bytes]
"""Verb, form and request bytes."""

MAX_REPLIES = 2_048
MAX_BYTES = 64 * 1024 * 1024
MAX_REQUEST = 4_096
"""Bytes of a request that is worth remembering; whoever writes a longer one writes it once."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of the directory a reply was made from."""

    registry: int
    text: int


@dataclass(slots=True)
class Reply:
    """One reply, and what it depends on."""

    body: bytes
    stamp: Stamp
    touches: int
    again: Callable[[], bytes] | None
    """Makes the body anew from the members already found, when only their heartbeats moved on; None: it has none."""


class Replies:
    """The most recently used replies."""

    def __init__(self, *, max_replies: int = MAX_REPLIES, max_bytes: int = MAX_BYTES) -> None:
        self._held: OrderedDict[Key, Reply] = OrderedDict()
        self._max_replies = max_replies
        self._max_bytes = max_bytes
        self.size = 0
        """Bytes of all bodies held."""

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Key) -> Reply | None:
        """The reply given last to this request, true or not any more."""
        reply = self._held.get(key)
        if reply is not None:
            self._held.move_to_end(key)
        return reply

    def put(self, key: Key, reply: Reply) -> None:
        """Keep `reply`; the least recently used ones make room. One too large for its share is not kept."""
        self.drop(key)
        if len(key[2]) > MAX_REQUEST or len(reply.body) > self._max_bytes // 8:
            return
        self._held[key] = reply
        self.size += len(reply.body)
        while self.size > self._max_bytes or len(self._held) > self._max_replies:
            self.drop(next(iter(self._held)))

    def renew(self, reply: Reply, body: bytes, touches: int) -> None:
        """Give a held reply the body it has after these touches."""
        self.size += len(body) - len(reply.body)
        reply.body, reply.touches = body, touches

    def drop(self, key: Key) -> None:
        """Keep it no longer; no effect when it is not held."""
        reply = self._held.pop(key, None)
        if reply is not None:
            self.size -= len(reply.body)
