"""A JetStream KV bucket, as thin as the registry needs it and no thinner.

Records are ordinary KV entries, readable with the stock `nats kv get`. Four things differ from a client library's
KV: every write is a compare-and-swap on the key's revision; reads that decide come from the stream's leader; an
unconfirmed write is resolved by looking, never guessed; and the whole bucket is read by sequence, so that start-up
and the repair of a gap are one routine.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bus.connection import Bus
from bus.errors import DeadlineExceeded, Disconnected, FederationError, NoInstance, OutcomeUnknown, StorageAway
from bus.message import Message
from bus.reading import SEQUENCE, SUBJECT, Stored, StreamReader, StreamState, raise_unless

EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence"
TTL = "Nats-TTL"
OPERATION = "KV-Operation"
MARKER = "Nats-Marker-Reason"
WRITE_ID = "Omega-Write-Id"

ATTEMPT_S = 1.5
"""How long one sending of a write may go unanswered before the leader is asked what it holds."""
ELECTION_S = 2.0
"""How long a write is sent again while nobody at all takes it: a new leader is chosen, or there is no storage."""
PAUSE_S = 0.1
SURE_S = 1.0
"""A leader that surely led so long ago still did when it answered: `reading.IN_TOUCH_S`, and time to choose another."""
AT_ONCE = 100
"""Writes of `put_missing` under way at the same time."""

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

    def __init__(self, bus: Bus, name: str, *, timeout: float = 4.0, domain: str = "") -> None:
        """`timeout`: of a read, in seconds; a write is tried for twice as long.

        `domain`: the JetStream domain of a bucket that is read from elsewhere; such a one is not written.
        """
        self._bus = bus
        self.stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._timeout = timeout
        self._reader = StreamReader(bus, self.stream, timeout=timeout, domain=domain)
        self._glance = StreamReader(bus, self.stream, timeout=ATTEMPT_S, domain=domain)

    async def get(self, key: str) -> Entry:
        """The key as the stream's leader holds it now."""
        stored = await self._reader.last_of(self._prefix + key)
        return Entry(key, None, 0) if stored is None else self.read_stored(stored)

    async def get_surely(self, key: str) -> Entry:
        """The key as nobody can have changed it before this was asked. Raises StorageAway where that cannot be told.

        A leader that is cut off goes on answering; while it does, others may have taken writes.
        """
        if self._bus.settings.replicas == 1:
            return await self.get(key)
        began = asyncio.get_running_loop().time()
        await self._glance.assure()
        entry = await self.get(key)
        if asyncio.get_running_loop().time() - began > SURE_S:
            raise StorageAway("the storage took too long to be sure of what it says")
        return entry

    async def put(self, write: Write) -> int:
        """Commit `write` and return its revision. Raises RevisionChanged, OutcomeUnknown, StorageAway.

        Sent again while the storage changes its leader: the compare-and-swap lets it in once at most.
        """
        attempt = _Attempt(write, uuid.uuid4().hex)
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            revision = await self._attempted(attempt)
            if revision:
                return revision
            if loop.time() - began > (2 * self._timeout if attempt.doubtful else ELECTION_S):
                raise attempt.failure()
            await asyncio.sleep(PAUSE_S)

    async def put_missing(self, writes: Sequence[Write]) -> int:
        """Commit each of `writes` whose key is not there, many at once; how many were. Raises what `put` raises."""
        done = 0
        for some in (writes[at : at + AT_ONCE] for at in range(0, len(writes), AT_ONCE)):
            ended = await asyncio.gather(*map(self.put, some), return_exceptions=True)
            for one in ended:
                if isinstance(one, BaseException) and not isinstance(one, RevisionChanged):
                    raise one
            done += sum(isinstance(one, int) for one in ended)
        return done

    async def _attempted(self, attempt: _Attempt) -> int:
        """The revision; 0 where it is not stored as far as can be seen. Raises RevisionChanged."""
        write, sent = attempt.write, attempt.headers
        try:
            reply = await self._bus.request(self._prefix + write.key, write.value, headers=sent, timeout=ATTEMPT_S)
        except NoInstance:
            return 0
        except Disconnected:
            if attempt.doubtful:
                raise attempt.failure() from None
            raise
        except (DeadlineExceeded, OutcomeUnknown):
            attempt.doubtful = True
            return await self._look(attempt)
        acknowledged = orjson.loads(reply.data)
        if "error" not in acknowledged:
            return int(acknowledged["seq"])
        return await self._refused(attempt, acknowledged["error"])

    async def _refused(self, attempt: _Attempt, error: Mapping[str, Any]) -> int:
        """As `_attempted`. A refusal proves nothing: a leader that was replaced refuses what the new one stores."""
        try:
            raise_unless(error, *_WRONG_REVISION)
        except StorageAway:
            attempt.doubtful = True
            return await self._look(attempt)
        revision = await self._look(attempt)
        if revision or attempt.doubtful:
            return revision
        raise RevisionChanged(attempt.write.key)

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
        """How far the bucket goes, told soon or not at all. Raises StorageAway, or StorageMissing: there is none."""
        return await self._glance.state()

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

    async def _look(self, attempt: _Attempt) -> int:
        """The revision of a write that was not confirmed, where the leader holds it; else 0. Raises RevisionChanged."""
        write = attempt.write
        try:
            stored = await self._glance.last_of(self._prefix + write.key)
        except (StorageAway, Disconnected, OutcomeUnknown):
            attempt.doubtful = True
            return 0
        if stored is not None and stored.headers.get(WRITE_ID) == attempt.id:
            return stored.sequence
        if stored is not None and stored.sequence > write.revision:
            raise RevisionChanged(write.key)
        return 0


@dataclass(slots=True)
class _Attempt:
    """A write on its way."""

    write: Write
    id: str
    doubtful: bool = False
    """It was sent at least once without an answer: it may have been stored, or still be."""

    @property
    def headers(self) -> dict[str, str]:
        sent = {EXPECTED_REVISION: str(self.write.revision), WRITE_ID: self.id}
        return sent if self.write.ttl_s is None else {**sent, TTL: str(self.write.ttl_s)}

    def failure(self) -> FederationError:
        if self.doubtful:
            return OutcomeUnknown(f"{self.write.key}: the write was sent and may still arrive")
        return StorageAway()


def _entry(key: str, value: bytes, found: Mapping[str, str], revision: int) -> Entry:
    # A server's own marker says that a TTL ran out; to a reader the key is gone, whatever bytes it has.
    gone = MARKER in found or found.get(OPERATION) in ("DEL", "PURGE")
    return Entry(key, None if gone else value, revision)
