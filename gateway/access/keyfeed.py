"""Keeps a gateway's keyring as the store is: told of each write at once, and looking twice a second for what it missed.

While the store cannot be reached the keys that are known stay known, and open what they opened: a storage that is away
does not lock everybody out. Nothing can be revoked in it meanwhile either.
"""

from __future__ import annotations

import asyncio

import structlog

from bus import Bus, Message, Subscription
from bus.errors import FederationError
from bus.kv import Bucket
from gateway.access.keyring import ApiKeyring

LOOK_S = 0.5
"""How often the store's revision is looked at: half of what a revocation may take."""
FIRST_S = 5.0
"""How long a start waits for the first reading."""

log = structlog.get_logger(__name__)


class KeyFeed:
    """Fills `keyring` from `start` to `stop`."""

    def __init__(self, bus: Bus, keyring: ApiKeyring) -> None:
        self._bus = bus
        self._keyring = keyring
        self._bucket = Bucket(bus, bus.settings.tokens_bucket, timeout=2.0)
        self._created = ""
        self._wake = asyncio.Event()
        self._read = asyncio.Event()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._said = ""

    async def start(self) -> None:
        """Returns when the keys were read; where the store does not answer, after a bounded wait."""
        self._subscription = self._bus.listen(self._bus.subjects.token_change(), self._on_change)
        self._bus.on_return(self._wake.set)
        self._task = asyncio.create_task(self._follow(), name="api-keys")
        try:
            async with asyncio.timeout(FIRST_S):
                await self._read.wait()
        except TimeoutError:
            log.warning("api_keys_not_read", reason="the store does not answer; until it does, no key opens anything")

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _on_change(self, message: Message) -> None:
        entry = self._bucket.read_change(message)
        if entry is None:
            return
        if entry.revision == self._keyring.last + 1:
            self._keyring.take(entry)
        else:
            self._wake.set()  # something before it was missed, or the store was never read: read it

    async def _follow(self) -> None:
        while True:
            await self._look()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _look(self) -> None:
        try:
            state = await self._bucket.state()
            if state.created != self._created:
                self._keyring.clear()
                self._created = state.created
            if state.last > self._keyring.last:
                entries, last = await self._bucket.read_from(self._keyring.last + 1, state.last)
                for entry in entries:
                    self._keyring.take(entry)
                self._keyring.last = max(self._keyring.last, last, state.last)
            self._read.set()
            self._said = ""
        except FederationError as exc:
            if exc.code != self._said:
                log.warning("api_keys_not_looked_at", reason=exc.message)
            self._said = exc.code
