"""A JetStream KV bucket, as thin as the registry needs it and no thinner.

Records are ordinary KV entries, readable with the stock `nats kv get`. Four things differ from a client library's
KV: every write is a compare-and-swap on the key's revision; reads that decide come from the stream's leader; an
unconfirmed write is resolved by looking, never guessed; and the whole bucket is read by sequence, so that start-up
and the repair of a gap are one routine.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import orjson

from bus.connection import Bus
from bus.errors import DeadlineExceeded, Disconnected, NoInstance, OutcomeUnknown, StorageAway
from bus.message import Message
from bus.reading import SEQUENCE, SUBJECT, Stored, StreamReader, StreamState, raise_unless

EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence"
TTL = "Nats-TTL"
OPERATION = "KV-Operation"
MARKER = "Nats-Marker-Reason"
WRITE_ID = "Omega-Write-Id"

_WRONG_REVISION = (10071, 10164)


class RevisionChanged(Exception):
    """Somebody wrote the key since it was read: read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed write of a key. `value` is None when the write deleted it (or its time ran out)."""

    key: str
    value: bytes | None
    revision: int
    """The sequence of the write in the whole bucket; 0 for a key that was never written."""


@dataclass(frozen=True, slots=True)
class Write:
    """A wished change of one key."""

    key: str
    value: bytes
    revision: int
    """The revision the decision was based on; 0: the key must not exist."""
    ttl_s: int | None = None
    """Seconds after which the server deletes the entry by itself."""


class Bucket:
    """The KV bucket `name`. Raises StorageAway where the storage cannot be reached."""

    def __init__(self, bus: Bus, name: str, *, timeout: float = 5.0, domain: str = "") -> None:
        """`domain`: the JetStream domain of a bucket that is read from elsewhere; such a one is not written."""
        self._bus = bus
        self.stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._timeout = timeout
        self._reader = StreamReader(bus, self.stream, timeout=timeout, domain=domain)

    async def get(self, key: str) -> Entry:
        """The key as the stream's leader holds it now."""
        stored = await self._reader.last_of(self._prefix + key)
        return Entry(key, None, 0) if stored is None else self.read_stored(stored)

    async def put(self, write: Write) -> int:
        """Commit `write` and return its revision. Raises RevisionChanged, OutcomeUnknown, StorageAway."""
        write_id = uuid.uuid4().hex
        sent = {EXPECTED_REVISION: str(write.revision), WRITE_ID: write_id}
        if write.ttl_s is not None:
            sent[TTL] = str(write.ttl_s)
        try:
            reply = await self._bus.request(self._prefix + write.key, write.value, headers=sent, timeout=self._timeout)
        except NoInstance as exc:
            raise StorageAway() from exc
        except (DeadlineExceeded, OutcomeUnknown):
            return await self._resolve(write, write_id)
        acknowledged = orjson.loads(reply.data)
        if "error" in acknowledged:
            raise_unless(acknowledged["error"], *_WRONG_REVISION)
            raise RevisionChanged(write.key)
        return int(acknowledged["seq"])

    async def read_from(self, sequence: int, until: int = 0) -> tuple[list[Entry], int]:
        """What the bucket holds at and after `sequence`, in order, and the last sequence seen.

        Surely nothing is missed of what the leader held up to `until`.
        """
        found = [entry async for batch in self.batches(sequence, until) for entry in map(self.read_stored, batch)]
        return found, found[-1].revision if found else sequence - 1

    def batches(self, sequence: int, until: int) -> AsyncIterator[list[Stored]]:
        """As `read_from`, piece by piece, as the messages they are; `read_stored` reads them."""
        return self._reader.batches(sequence, until)

    async def keys(self, below: str) -> list[str]:
        """The keys under the wildcard `below`, tombstones too, as the stream's leader knows them."""
        return [subject.removeprefix(self._prefix) for subject in await self._reader.subjects_of(self._prefix + below)]

    async def state(self) -> StreamState:
        """How far the bucket goes. Raises StorageAway, or StorageMissing when the bucket does not exist."""
        return await self._reader.state()

    def read_stored(self, stored: Stored) -> Entry:
        """The write that a message of the bucket's stream is."""
        return _entry(stored.subject.removeprefix(self._prefix), stored.data, stored.headers, stored.sequence)

    def read_change(self, message: Message) -> Entry | None:
        """The write that a republished message repeats, or None when it is not one of this bucket."""
        subject = message.headers.get(SUBJECT, "")
        if not subject.startswith(self._prefix):
            return None
        sequence = int(message.headers.get(SEQUENCE, "0"))
        return _entry(subject[len(self._prefix) :], message.data, message.headers, sequence)

    async def _resolve(self, write: Write, write_id: str) -> int:
        """An unconfirmed write: look whether it is there. Raises OutcomeUnknown when even that cannot be told."""
        try:
            stored = await self._reader.last_of(self._prefix + write.key)
        except (StorageAway, Disconnected, OutcomeUnknown) as exc:
            raise OutcomeUnknown(f"{write.key}: the write was sent and not confirmed") from exc
        if stored is not None:
            if stored.headers.get(WRITE_ID) == write_id:
                return stored.sequence
            if stored.sequence > write.revision:
                raise RevisionChanged(write.key)
        raise OutcomeUnknown(f"{write.key}: the write was sent and may still arrive")


def _entry(key: str, value: bytes, found: Mapping[str, str], revision: int) -> Entry:
    # A server's own marker says that a TTL ran out; to a reader the key is gone, whatever bytes it has.
    gone = MARKER in found or found.get(OPERATION) in ("DEL", "PURGE")
    return Entry(key, None if gone else value, revision)
