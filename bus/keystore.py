"""Where API keys are kept: a KV bucket that an operator writes and every gateway reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bus import codec
from bus.apikeys import KEPT_AFTER, SHOWN_ID, KeyRecord
from bus.connection import Bus
from bus.errors import Conflict, FederationError, NotFound
from bus.kv import Bucket, Entry, RevisionChanged, Write
from bus.validation import validated


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the store has it."""

    hash: str
    record: KeyRecord
    revision: int

    @property
    def id(self) -> str:
        """What people name it by."""
        return self.hash[:SHOWN_ID]


class KeyStore:
    """The keys of one federation. Everything raises StorageAway or StorageMissing where the store cannot be read."""

    def __init__(self, bus: Bus) -> None:
        self._bucket = Bucket(bus, bus.settings.tokens_bucket)

    async def add(self, hash: str, record: KeyRecord) -> None:
        """Store a key that is new. Raises OutcomeUnknown, Conflict."""
        try:
            await self._bucket.put(Write(hash, _written(record), 0, _kept_s(record)))
        except RevisionChanged as exc:
            raise Conflict("a key with this hash is stored already") from exc

    async def all(self) -> list[StoredKey]:
        """Every key, revoked and expired ones too, oldest first."""
        state = await self._bucket.state()
        entries, _ = await self._bucket.read_from(1, state.last)
        latest = {entry.key: entry for entry in entries}
        return sorted(_readable(latest.values()), key=lambda key: key.record.created)

    async def named(self, wanted: str) -> list[StoredKey]:
        """Those of that name, or the one of that id. Raises NotFound."""
        found = [key for key in await self.all() if wanted in (key.record.name, key.id, key.hash)]
        if not found:
            raise NotFound(f"no key is called {wanted[:80]!r}", details={"key": wanted[:80]})
        return found

    async def revoke(self, key: StoredKey, now: float) -> None:
        """Let nobody in with it any more. Raises OutcomeUnknown, Conflict (it changed meanwhile: look again)."""
        record = key.record.model_copy(update={"revoked": now})
        try:
            await self._bucket.put(Write(key.hash, _written(record), key.revision, _kept_s(record)))
        except RevisionChanged as exc:
            raise Conflict(f"{key.id}: changed meanwhile") from exc


def read_key(entry: Entry) -> KeyRecord | None:
    """What an entry of the bucket says of its key; None for one that is gone or cannot be read."""
    if entry.value is None:
        return None
    try:
        return validated(KeyRecord, codec.decode_object(entry.value))
    except FederationError:
        return None


def _readable(entries: Iterable[Entry]) -> Iterator[StoredKey]:
    for entry in entries:
        record = read_key(entry)
        if record is not None:
            yield StoredKey(entry.key, record, entry.revision)


def _written(record: KeyRecord) -> bytes:
    return codec.encode(record.model_dump(mode="json", exclude_none=True))


def _kept_s(record: KeyRecord) -> int | None:
    """How long the store keeps it: for ever where it does not expire."""
    if record.expires is None:
        return None
    return max(1, int(record.expires - record.created + KEPT_AFTER.total_seconds()))
