"""What a stream holds, read in the order of its sequence and without a consumer.

Many messages at once come from any replica of the stream, which may lag behind. So the leader is asked how far the
stream goes, and again for what a lagging replica did not show.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bus import headers
from bus.connection import Bus
from bus.errors import (
    DeadlineExceeded,
    FederationError,
    Internal,
    NoInstance,
    OutcomeUnknown,
    StorageAway,
    StorageMissing,
)
from bus.message import Message, parse_headers

SEQUENCE = "Nats-Sequence"
SUBJECT = "Nats-Subject"
TIME = "Nats-Time-Stamp"
_PENDING = "Nats-Num-Pending"
_NOT_FOUND = 10037
_STREAM_NOT_FOUND = 10059
_ALL = ">"
_BATCH = 2_048
_BATCH_BYTES = 4 << 20
"""What comes in one answer is in the memory of both sides at once."""
IN_TOUCH_S = 2.5
"""A leader hears of each copy every second. Copies wait four and more before they choose another, so one that heard of
most of them so lately still leads; one that is cut off says that it leads for much longer."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One message of a stream."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    at: str
    """When the stream took it, RFC 3339."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """How far a stream goes."""

    created: str
    """When it was made: a stream of the same name that was made at another time is another stream."""
    last: int
    """The sequence of the newest message, which may be gone by now; 0 before the first."""
    messages: int


class StreamReader:
    """Reads the messages of `stream`. Everything raises StorageAway where the storage is not reached."""

    def __init__(self, bus: Bus, stream: str, *, timeout: float = 5.0, domain: str = "") -> None:
        """`domain`: the JetStream domain the stream is in; empty for that of the server we are connected to."""
        self._bus = bus
        self._stream = stream
        self._timeout = timeout
        self._jetstream = f"$JS.{domain}.API" if domain else "$JS.API"

    async def state(self) -> StreamState:
        """As the stream's leader knows it. Raises StorageMissing where there is no such stream."""
        info = await self._info({})
        found = info["state"]
        return StreamState(str(info["created"]), int(found["last_seq"]), int(found["messages"]))

    async def assure(self) -> None:
        """Return when the stream's leader surely leads. Raises StorageAway where nobody does, or none can tell."""
        await self._info({})

    async def last_of(self, subject: str) -> Stored | None:
        """The newest message on `subject` as the leader holds it. Raises StorageMissing."""
        return await self._get({"last_by_subj": subject})

    async def next_from(self, sequence: int) -> Stored | None:
        """The first message at or after `sequence` as the leader holds it. Raises StorageMissing."""
        return await self._get({"seq": sequence, "next_by_subj": _ALL})

    async def subjects_of(self, below: str) -> list[str]:
        """The subjects under the wildcard `below` that hold a message, as the leader knows them."""
        info = await self._info({"subjects_filter": below})
        return list(info["state"].get("subjects") or {})

    async def batches(self, sequence: int, until: int) -> AsyncIterator[list[Stored]]:
        """Everything at and after `sequence`, in order; surely what the leader held up to `until`."""
        last = sequence - 1
        while True:
            batch, pending = await self._batch(last + 1)
            if batch:
                yield batch
                last = batch[-1].sequence
            if batch and pending:
                continue
            unseen = await self.next_from(last + 1) if last < until else None
            if unseen is None or unseen.sequence > until:
                return
            yield [unseen]
            last = unseen.sequence

    async def _batch(self, sequence: int) -> tuple[list[Stored], int]:
        """The next messages, and how many come behind them."""
        ask = orjson.dumps({"seq": sequence, "next_by_subj": _ALL, "batch": _BATCH, "max_bytes": _BATCH_BYTES})
        batch = _Batch()
        subject = f"{self._jetstream}.DIRECT.GET.{self._stream}"
        reply = self._bus.open_reply(batch.deliver, subject)
        try:
            self._bus.send(subject, ask, reply=reply)
            async with asyncio.timeout(self._timeout):
                pending = await batch.pending
        except TimeoutError as exc:
            raise StorageAway("the storage did not answer a read in time") from exc
        finally:
            self._bus.close_reply(reply)
        return batch.found, pending

    async def _get(self, ask: dict[str, Any]) -> Stored | None:
        reply = await self._api("MSG.GET", orjson.dumps(ask), _NOT_FOUND)
        found = reply.get("message")
        if found is None:
            return None
        block = parse_headers(base64.b64decode(found.get("hdrs", "")))
        data = base64.b64decode(found.get("data", ""))
        return Stored(str(found["subject"]), data, block, int(found["seq"]), str(found.get("time", "")))

    async def _info(self, ask: dict[str, Any]) -> dict[str, Any]:
        """What the leader says. While there is none, any copy answers with what it happens to hold."""
        info = await self._api("INFO", orjson.dumps(ask))
        cluster = info.get("cluster") or {}
        if cluster and not cluster.get("leader"):
            raise StorageAway("the stream has no leader now")
        if not leads(cluster):
            raise StorageAway("the stream's leader is cut off from its copies")
        return info

    async def _api(self, verb: str, body: bytes, *expected: int) -> dict[str, Any]:
        try:
            subject = f"{self._jetstream}.STREAM.{verb}.{self._stream}"
            reply = await self._bus.request(subject, body, timeout=self._timeout)
        except (NoInstance, DeadlineExceeded, OutcomeUnknown) as exc:
            raise StorageAway() from exc
        answer: dict[str, Any] = orjson.loads(reply.data)
        raise_unless(answer.get("error"), *expected)
        return answer


def leads(cluster: Mapping[str, Any]) -> bool:
    """Whether the leader that describes its `cluster` so is in touch with enough copies to be the only one."""
    copies = cluster.get("replicas") or ()
    in_touch = 1 + sum(int(copy.get("active", 0)) < IN_TOUCH_S * 1e9 for copy in copies)
    return 2 * in_touch > 1 + len(copies)


class _Batch:
    """Takes in one answer of many messages, without a task waking for each."""

    def __init__(self) -> None:
        self.found: list[Stored] = []
        self.pending: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Done with the last message: how many come behind the batch."""

    def deliver(self, frame: Message | FederationError) -> None:
        if isinstance(frame, FederationError):
            self._end(StorageAway("the connection was lost in the middle of a read"))
            return
        told = frame.headers
        status = told.get(headers.STATUS)
        if status in ("204", "404"):
            self._end(int(told.get(_PENDING, "0")))
        elif status is not None:
            self._end(StorageAway(f"direct read: {status} {told.get(headers.DESCRIPTION, '')}"))
        elif SEQUENCE in told:
            self.found.append(Stored(told.get(SUBJECT, ""), frame.data, told, int(told[SEQUENCE]), told.get(TIME, "")))

    def _end(self, outcome: int | StorageAway) -> None:
        if self.pending.done():
            return
        if isinstance(outcome, int):
            self.pending.set_result(outcome)
        else:
            self.pending.set_exception(outcome)


def raise_unless(error: Mapping[str, Any] | None, *expected: int) -> None:
    """No effect without an error or with an expected one. Raises StorageMissing, StorageAway, Internal."""
    code = int(error.get("err_code", 0)) if error else 0
    if error is None or code in expected:
        return
    if code == _STREAM_NOT_FOUND:
        raise StorageMissing()
    if int(error.get("code", 500)) in (503, 408, 429, 404):
        raise StorageAway(str(error.get("description", "")))
    raise Internal(f"JetStream refused: {error.get('description', '')} ({code})")
