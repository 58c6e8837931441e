"""Who owns which id, kept in a bucket of its own and held in memory: asking costs nothing, a change one write.

Every replica follows the bucket's changes and compares itself with it now and then. What memory allows is allowed;
what it refuses is refused only after the storage was asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson
import structlog

from bus import Bus, Message
from bus.connection import Subscription
from bus.errors import FederationError, Malformed, OutcomeUnknown, StorageMissing
from bus.kv import Bucket, Entry, RevisionChanged, Write
from bus.names import is_id
from bus.reading import StreamState
from bus.streams import prepare
from directory.ownership import Claim, Ownership, check_speaker, registering
from directory.place import Place, Repair, Step, repair, step

ATTEMPTS = 8

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """What the bucket holds of one id; an owner of None was released."""

    owner: str | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """An id that went from one owner to another; None: to or from nobody."""

    before: str | None
    after: str | None


class Owners:
    """The owners of all ids. For one event loop."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._bucket = Bucket(bus, bus.settings.owners_bucket)
        self._held: dict[str, Held] = {}
        self._place = Place()
        self._looked_at = 0.0
        self._missed = asyncio.Event()
        self._subscription: Subscription | None = None

    # life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Know every owner. Waits for a storage that is away."""
        self._subscription = self._bus.listen(self._bus.subjects.owner_change(), self._on_change)
        self._bus.on_return(self._missed.set)
        await self._bus.flush()
        while True:
            try:
                await self._look()
                return
            except FederationError as exc:
                log.warning("owners_not_read", error=exc.code)
                await asyncio.sleep(0.2)

    async def run(self, every_s: float) -> None:
        """Compare with the bucket every so often, and at once after something was missed, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(every_s):
                    await self._missed.wait()
            except TimeoutError:
                pass
            self._missed.clear()
            try:
                await self._look()
            except FederationError as exc:
                log.debug("owners_not_compared", error=exc.code)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.stop()

    # asking -------------------------------------------------------------------------------------------------------

    def of(self, member: str) -> str | None:
        """Who owns the id, as this replica knows."""
        return self._held.get(member, Held()).owner

    def check_speaker(self, member: str, claim: Claim) -> None:
        """Whether a heartbeat of `claim` counts, by what is in memory. Raises NotAllowed."""
        check_speaker(member, self.of(member), claim)

    async def check_leaving(self, member: str, claim: Claim) -> None:
        """As `check_speaker`; it refuses only what the storage refuses too. Raises NotAllowed, StorageAway."""
        try:
            self.check_speaker(member, claim)
        except FederationError:
            await self._read(member)
            self.check_speaker(member, claim)

    async def known(self, member: str) -> str | None:
        """Who owns the id, as the storage knows. Raises StorageAway."""
        await self._read(member)
        return self.of(member)

    # changing -----------------------------------------------------------------------------------------------------

    async def settle(self, member: str, claim: Claim) -> Change | None:
        """A registration by `claim`: make it the owner where that is right.

        Returns the change, if one was written. Raises Conflict, NotAllowed, StorageAway, OutcomeUnknown.
        """
        return await self._change(member, lambda owner: registering(member, owner, claim), claim.told or "")

    async def give(self, member: str, owner: str | None) -> Change | None:
        """An operator's word: `owner` owns the id, or with None nobody. Raises StorageAway, OutcomeUnknown."""
        await self._read(member)
        return await self._change(member, lambda _: owner, "operator")

    async def _change(self, member: str, decide: Callable[[str | None], str | None], by: str) -> Change | None:
        sure = False
        for _ in range(ATTEMPTS):
            held = self._held.get(member, Held())
            try:
                after = decide(held.owner)
            except FederationError:
                if sure:
                    raise
                await self._read(member)
                sure = True
                continue
            if after == held.owner:
                return None
            if await self._written(member, after, held.revision, by):
                return Change(held.owner, after)
            await self._read(member)
            sure = True
        raise OutcomeUnknown(f"{member}: its owner was changed by others {ATTEMPTS} times over; ask again")

    async def _written(self, member: str, owner: str | None, revision: int, by: str) -> bool:
        value = orjson.dumps({"id": member, "owner": owner, "since": round(time.time(), 3), "by": by})
        try:
            written = await self._bucket.put(Write(member, value, revision))
        except RevisionChanged:
            return False
        self._learn(member, owner, written)
        return True

    # following ----------------------------------------------------------------------------------------------------

    async def _read(self, member: str) -> None:
        entry = await self._bucket.get_surely(member)
        if entry.revision:
            self._apply(entry)
        elif member in self._held:
            await self._look()  # what was stored once is never gone by itself: the bucket is another one

    def _on_change(self, message: Message) -> None:
        entry = self._bucket.read_change(message)
        if entry is None:
            return
        if step(self._place, entry.revision) is Step.NEXT:
            self._apply(entry)
            self._place = Place(self._place.created, entry.revision)
        else:
            self._missed.set()

    async def _look(self) -> None:
        """Compare with the bucket, and read what is missing. One that was lost is made anew."""
        try:
            state = await self._bucket.state()
        except StorageMissing:
            await prepare(self._bus)
            state = await self._bucket.state()
        now = time.monotonic()
        needed = repair(self._place, state, now - self._looked_at)
        if needed.reads_everything:
            await self._rebuild(state)
        elif needed is Repair.CATCH_UP:
            await self._read_from(self._place.sequence + 1, state)
        self._looked_at = now

    async def _rebuild(self, state: StreamState) -> None:
        """Hold what is stored, and store what is not: the bucket was lost, and nobody loses an id by it."""
        self._held = {member: replace(held, revision=0) for member, held in self._held.items() if held.owner}
        self._place = Place(state.created)
        await self._read_from(1, state)
        for member, held in list(self._held.items()):
            if held.revision == 0:
                await self._written(member, held.owner, 0, "memory")

    async def _read_from(self, sequence: int, state: StreamState) -> None:
        entries, last = await self._bucket.read_from(sequence, state.last)
        for entry in entries:
            self._apply(entry)
        self._place = Place(state.created, max(self._place.sequence, last, state.last))

    def _apply(self, entry: Entry) -> None:
        if is_id(entry.key):
            self._learn(entry.key, read_owner(entry), entry.revision)

    def _learn(self, member: str, owner: str | None, revision: int) -> None:
        if revision > self._held.get(member, Held()).revision:
            self._held[member] = Held(owner, revision)


def read_owner(entry: Entry) -> str | None:
    """The owner an entry names; None for one that names nobody, or is unreadable."""
    try:
        return Ownership.from_bytes(entry.value).owner if entry.value is not None else None
    except Malformed:
        log.warning("owner_unreadable", key=entry.key, revision=entry.revision)
        return None
