"""A JetStream KV bucket, as thin as the registry needs it and no thinner.

Records are ordinary KV entries, readable with the stock `nats kv get`. Four things differ from a client library's
KV: every write is a compare-and-swap on the key's revision; reads that decide come from the stream's leader; an
unconfirmed write is resolved by looking, never guessed; and the whole bucket is read by sequence, so that start-up
and the repair of a gap are one routine.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bus import headers
from bus.connection import Bus
from bus.errors import (
    DeadlineExceeded,
    Disconnected,
    FederationError,
    Internal,
    NoInstance,
    OutcomeUnknown,
    StorageAway,
    StorageMissing,
)
from bus.message import Message, parse_headers

EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence"
TTL = "Nats-TTL"
OPERATION = "KV-Operation"
MARKER = "Nats-Marker-Reason"
SEQUENCE = "Nats-Sequence"
SUBJECT = "Nats-Subject"
WRITE_ID = "Omega-Write-Id"

_WRONG_REVISION = (10071, 10164)
_NOT_FOUND = 10037
_STREAM_NOT_FOUND = 10059
_BATCH = 512


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

    def __init__(self, bus: Bus, name: str, *, timeout: float = 5.0) -> None:
        self._bus = bus
        self.stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._timeout = timeout

    async def get(self, key: str) -> Entry:
        """The key as the stream's leader holds it now."""
        ask = orjson.dumps({"last_by_subj": self._prefix + key})
        reply = await self._api(f"$JS.API.STREAM.MSG.GET.{self.stream}", ask)
        if "error" in reply:
            _raise_unless(reply["error"], _NOT_FOUND)
            return Entry(key, None, 0)
        stored = reply["message"]
        block = _unbase64(stored.get("hdrs", ""))
        return _entry(key, _unbase64(stored.get("data", "")), parse_headers(block), int(stored["seq"]))

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
            _raise_unless(acknowledged["error"], *_WRONG_REVISION)
            raise RevisionChanged(write.key)
        return int(acknowledged["seq"])

    async def read_from(self, sequence: int) -> tuple[list[Entry], int]:
        """What the bucket holds at and after `sequence`, in order, and the last sequence seen (0: none)."""
        entries: list[Entry] = []
        last = sequence - 1
        while True:
            batch, pending = await self._batch(last + 1)
            entries.extend(batch)
            last = max((entry.revision for entry in batch), default=last)
            if not batch or pending == 0:
                return entries, last

    async def last_sequence(self) -> int:
        """The sequence of the newest write. Raises StorageAway, or StorageMissing when the bucket does not exist."""
        info = await self._api(f"$JS.API.STREAM.INFO.{self.stream}", b"")
        if "error" in info:
            if info["error"].get("err_code") == _STREAM_NOT_FOUND:
                raise StorageMissing()
            raise StorageAway(str(info["error"].get("description", "")))
        return int(info["state"]["last_seq"])

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
            ask = orjson.dumps({"last_by_subj": self._prefix + write.key})
            reply = await self._api(f"$JS.API.STREAM.MSG.GET.{self.stream}", ask)
        except (StorageAway, Disconnected, OutcomeUnknown) as exc:
            raise OutcomeUnknown(f"{write.key}: the write was sent and not confirmed") from exc
        stored = reply.get("message")
        if stored is not None:
            if parse_headers(_unbase64(stored.get("hdrs", ""))).get(WRITE_ID) == write_id:
                return int(stored["seq"])
            if int(stored["seq"]) > write.revision:
                raise RevisionChanged(write.key)
        raise OutcomeUnknown(f"{write.key}: the write was sent and may still arrive")

    async def _batch(self, sequence: int) -> tuple[list[Entry], int]:
        ask = orjson.dumps({"seq": sequence, "next_by_subj": self._prefix + ">", "batch": _BATCH})
        frames: asyncio.Queue[Message | FederationError] = asyncio.Queue()
        reply = self._bus.open_reply(frames.put_nowait)
        try:
            self._bus.send(f"$JS.API.DIRECT.GET.{self.stream}", ask, reply=reply)
            return await self._collect(frames)
        finally:
            self._bus.close_reply(reply)

    async def _collect(self, frames: asyncio.Queue[Message | FederationError]) -> tuple[list[Entry], int]:
        entries: list[Entry] = []
        while True:
            frame = await self._next(frames)
            status = frame.headers.get(headers.STATUS)
            if status in ("204", "404"):
                return entries, int(frame.headers.get("Nats-Num-Pending", "0"))
            if status is not None:
                raise StorageAway(f"direct read: {status} {frame.headers.get(headers.DESCRIPTION, '')}")
            entry = self.read_change(frame)
            if entry is not None:
                entries.append(entry)

    async def _next(self, frames: asyncio.Queue[Message | FederationError]) -> Message:
        try:
            async with asyncio.timeout(self._timeout):
                frame = await frames.get()
        except TimeoutError as exc:
            raise StorageAway("the bucket did not answer a read in time") from exc
        if isinstance(frame, FederationError):
            raise StorageAway("the connection was lost in the middle of a read") from frame
        return frame

    async def _api(self, subject: str, body: bytes) -> dict[str, Any]:
        try:
            reply = await self._bus.request(subject, body, timeout=self._timeout)
        except (NoInstance, DeadlineExceeded, OutcomeUnknown) as exc:
            raise StorageAway() from exc
        answer: dict[str, Any] = orjson.loads(reply.data)
        return answer


def _entry(key: str, value: bytes, found: Mapping[str, str], revision: int) -> Entry:
    # A server's own marker says that a TTL ran out; to a reader the key is gone, whatever bytes it has.
    gone = MARKER in found or found.get(OPERATION) in ("DEL", "PURGE")
    return Entry(key, None if gone else value, revision)


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text)


def _raise_unless(error: Mapping[str, Any], *expected: int) -> None:
    code = int(error.get("err_code", 0))
    if code in expected:
        return
    if int(error.get("code", 500)) in (503, 408, 429, 404):
        raise StorageAway(str(error.get("description", "")))
    raise Internal(f"JetStream refused: {error.get('description', '')} ({code})")
