"""What changes in a legacy session after it began: its log level, the resources it follows, its end.

Kept in a bucket that every gateway reads, so that any of them serves any session; each gateway remembers the sessions
it saw last and is told of every change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from bus import Bus, Message, Subscription
from bus.errors import Disconnected, InvalidRequest, OutcomeUnknown, StorageAway
from bus.kv import Bucket, Entry, RevisionChanged, Write
from gateway.mcp.front.tokens import Session

DEFAULT_LEVEL = "info"
"""What a client that never said `logging/setLevel` is told."""
MAX_FOLLOWED = 256
"""Resources one session may follow."""
REMEMBERED = 10_000
"""Sessions a gateway keeps at hand; one more and the one unused longest is asked for again when it returns."""
_ATTEMPTS = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session as it is now."""

    log_level: str = DEFAULT_LEVEL
    followed: frozenset[str] = frozenset()
    """URIs of `resources/subscribe`."""
    ended: bool = False

    def written(self) -> bytes:
        return orjson.dumps({"level": self.log_level, "uris": sorted(self.followed), "ended": self.ended})

    @staticmethod
    def read(entry: Entry) -> SessionState:
        if entry.value is None:
            return SessionState()
        told: dict[str, Any] = orjson.loads(entry.value)
        return SessionState(told["level"], frozenset(told["uris"]), told["ended"])

    def following(self, uri: str) -> frozenset[str]:
        """What is followed with `uri` added. Raises InvalidRequest above the limit."""
        followed = self.followed | {uri}
        if len(followed) > MAX_FOLLOWED:
            raise InvalidRequest(f"resources/subscribe: the limit is {MAX_FOLLOWED} resources a session")
        return followed


class Sessions:
    """The states of all sessions, for one gateway."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._bucket = Bucket(bus, bus.settings.sessions_bucket, timeout=2.0)
        self._known: OrderedDict[str, tuple[int, SessionState]] = OrderedDict()
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._changes: Subscription | None = None

    def start(self) -> None:
        self._changes = self._bus.listen(self._bus.subjects.session(), self._on_change)
        self._bus.on_return(self._known.clear)  # changes may have been missed

    async def stop(self) -> None:
        if self._changes is not None:
            await self._changes.stop()

    def opened(self, session: Session) -> None:
        """A session that began here: nothing of it has changed yet."""
        self._remember(session.id, 0, SessionState())

    async def state(self, session: Session) -> SessionState:
        """The session as it is now; as it began where the bucket cannot be read."""
        known = self._known.get(session.id)
        if known is not None:
            self._known.move_to_end(session.id)
            return known[1]
        try:
            entry = await self._bucket.get(session.id)
        except (StorageAway, Disconnected, OutcomeUnknown) as exc:
            log.warning("session_state_unknown", reason=exc.message)
            return SessionState()
        return self._remember(session.id, entry.revision, SessionState.read(entry))

    async def change(
        self, session: Session, changed: Callable[[SessionState], SessionState], *, now: float
    ) -> SessionState:
        """Store what `changed` makes of the state. Raises StorageAway, OutcomeUnknown, or what `changed` raises."""
        ttl = max(1, int(session.expires - now) + 1)
        for _ in range(_ATTEMPTS):
            entry = await self._bucket.get(session.id)
            state = changed(SessionState.read(entry))
            try:
                revision = await self._bucket.put(Write(session.id, state.written(), entry.revision, ttl))
            except RevisionChanged:
                continue
            self._remember(session.id, revision, state)
            return state
        raise StorageAway("the session is changed from too many sides at once")

    @contextmanager
    def watching(self, session: Session, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` whenever the session changes, for the length of the block."""
        self._watchers.setdefault(session.id, set()).add(callback)
        try:
            yield
        finally:
            self._watchers[session.id].discard(callback)
            if not self._watchers[session.id]:
                del self._watchers[session.id]

    def _on_change(self, message: Message) -> None:
        entry = self._bucket.read_change(message)
        if entry is not None and (entry.key in self._known or entry.key in self._watchers):
            self._remember(entry.key, entry.revision, SessionState.read(entry))

    def _remember(self, key: str, revision: int, state: SessionState) -> SessionState:
        known = self._known.get(key)
        if known is not None and known[0] > revision:
            return known[1]
        self._known[key] = (revision, state)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if known is not None and known[1] != state:
            for callback in list(self._watchers.get(key, ())):
                callback()
        return state
