"""Bodies larger than a bus message: sent in pieces, a few in flight, each confirmed by its receiver.

The confirmation is the receiver's credit: a slow one is never flooded, and one that is gone ends the sending.
"""

from __future__ import annotations

import asyncio

from bus import headers
from bus.connection import Bus
from bus.errors import Malformed, TooLarge
from bus.message import Message

PIECE = 256 * 1024
WINDOW = 4
"""Pieces in flight at once: one MiB a call."""
WHOLE = 900_000
"""Up to this many bytes a body travels in one message."""
CONFIRM_S = 10.0
"""How long a receiver may take to confirm a piece."""


def pieces(size: int) -> int:
    """How many pieces a body of `size` bytes comes in; 0: it travels whole."""
    return 0 if size <= WHOLE else -(-size // PIECE)


async def send_pieces(bus: Bus, subject: str, body: bytes, more: dict[str, str]) -> None:
    """Send `body` in pieces to `subject`, with the headers `more` on each.

    Raises NoInstance (the receiver is gone), DeadlineExceeded (it confirms no more), Disconnected.
    """
    turns = asyncio.Semaphore(WINDOW)

    async def send(number: int) -> None:
        piece = body[number * PIECE : (number + 1) * PIECE]
        sent = {**more, headers.CHUNK: str(number)}
        try:
            await bus.request(subject, piece, headers=sent, timeout=CONFIRM_S)
        finally:
            turns.release()

    async with asyncio.TaskGroup() as group:
        for number in range(pieces(len(body))):
            await turns.acquire()
            group.create_task(send(number))


class Assembly:
    """Pieces on their way to being a body again. Synchronous; for one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._most = -(-limit // PIECE)
        self._pieces: dict[int, bytes] = {}
        self._size = 0

    def __len__(self) -> int:
        """Pieces held."""
        return len(self._pieces)

    def add(self, message: Message) -> None:
        """Take a piece. Raises TooLarge above the limit, Malformed for a piece without a number that can be."""
        number = _whole_number(message.headers.get(headers.CHUNK, ""))
        if number is None or number >= self._most:
            raise Malformed(f"{headers.CHUNK}: a whole number below {self._most}")
        self._size += len(message.data) - len(self._pieces.get(number, b""))
        if self._size > self._limit:
            raise TooLarge(f"body: more than {self._limit} bytes", details={"limit": self._limit})
        self._pieces[number] = message.data

    def complete(self, count: int) -> bool:
        """Whether all of `count` pieces are here."""
        return len(self._pieces) >= count

    def body(self, count: int) -> bytes:
        """The body of `count` pieces. Raises Malformed when one is missing."""
        try:
            return b"".join(self._pieces[number] for number in range(count))
        except KeyError as exc:
            raise Malformed(f"body: piece {exc.args[0]} of {count} did not arrive") from exc


def announced(message: Message, limit: int) -> int:
    """How many pieces a message announces; 0: it has its body. Raises Malformed, TooLarge."""
    told = message.headers.get(headers.CHUNKS)
    if told is None:
        return 0
    count = _whole_number(told)
    if not count:
        raise Malformed(f"{headers.CHUNKS}: a whole number above 0, not {told[:40]!r}")
    if (count - 1) * PIECE >= limit:
        raise TooLarge(f"body: more than {limit} bytes", details={"limit": limit})
    return count


def _whole_number(told: str) -> int | None:
    """What was told, at most ten digits of it: more is too much whatever it is."""
    return int(told[:10]) if told.isascii() and told.isdigit() else None
