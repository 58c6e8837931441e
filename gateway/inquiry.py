"""Questions to the directory, each bounded so that a client of a bus that is away learns of it within a second.

The bus chooses the replica, and may choose one that is frozen, or know of none while servers are replaced. A question
without an answer is therefore asked again within its time, and whichever replica answers first is believed: questions
change nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from bus import Federation, Message
from bus.errors import (
    DeadlineExceeded,
    DirectoryAway,
    Disconnected,
    FederationError,
    NoInstance,
    OutcomeUnknown,
    TooLarge,
)
from bus.inbox import Answer

FIRST_S = 0.25
"""A healthy directory answers in a hundredth of it."""
NEXT_S = 0.1
AGAIN = 6
"""How often a question is asked again at most: with one of two replicas frozen, 1 in 128 meets it every time."""
NOBODY_AGAIN = 4
"""How often while nobody is there: who asks of a federation without a directory is told so within half a second."""
MOST_LATE = 200
"""With so many questions late at once it is not one replica that is slow, and nothing is asked again."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The directory, asked with JSON bytes."""

    federation: Federation
    timeout: float
    """Seconds an answer may take."""
    _late: set[Repeats] = field(default_factory=set, init=False, repr=False, compare=False)

    async def ask(self, verb: str, body: bytes = b"{}") -> bytes:
        """The reply, untouched. Raises Disconnected (no bus), DirectoryAway (a bus, no directory), or the refusal."""
        try:
            return await self._answer(self.federation.bus.subjects.directory(verb), body)
        except (NoInstance, DeadlineExceeded, OutcomeUnknown) as exc:
            if not self.federation.bus.connected:
                raise Disconnected() from None
            raise DirectoryAway() from exc

    async def every(self, verb: str, query: Mapping[str, Any], at_once: int) -> AsyncIterator[dict[str, Any]]:
        """Every member of all pages of `servers` or `search`, `at_once` a page; fewer where a page is too large.

        Raises as `ask`.
        """
        start, limit = 0, at_once
        while True:
            asked = {**query, "page": start // limit + 1, "limit": limit}
            try:
                page = orjson.loads(await self.ask(verb, orjson.dumps(asked)))
            except TooLarge:
                if limit == 1:
                    raise
                limit //= 2
                continue
            for manifest in page["servers"]:
                yield manifest
            if page["next_page"] is None:
                return
            start += limit

    async def _answer(self, subject: str, body: bytes) -> bytes:
        """What came first, to whichever asking. Raises the error that it is."""
        bus = self.federation.bus
        answer = Answer(bus.clock, self.timeout, subject)

        def deliver(result: Message | FederationError) -> None:
            failure = result.failure(subject) if isinstance(result, Message) else result
            if not (isinstance(failure, NoInstance) and repeats.soon()):
                answer.deliver(failure or result)

        reply = bus.open_reply(deliver)
        repeats = Repeats(partial(bus.send, subject, body, reply=reply), self._late)
        try:
            repeats.begin()
            return (await answer.wait()).data
        finally:
            repeats.end()
            answer.close()
            bus.close_reply(reply)

    async def member_bytes(self, member: str) -> bytes:
        """A member's manifest as it came. Raises UnknownMember."""
        return await self.ask("server", orjson.dumps({"id": member}))

    async def member(self, member: str) -> dict[str, Any]:
        """A member's manifest. Raises UnknownMember."""
        manifest: dict[str, Any] = orjson.loads(await self.member_bytes(member))
        return manifest


class Repeats:
    """One question on its way: sent, and sent again while nothing comes back."""

    __slots__ = ("_late", "_left", "_send", "_timer")

    def __init__(self, send: Callable[[], None], late: set[Repeats]) -> None:
        """`late` are the questions that were asked again and are not answered yet."""
        self._send = send
        self._late = late
        self._left = AGAIN
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send it. Raises Disconnected, TooLarge."""
        self._send()
        self._timer = asyncio.get_running_loop().call_later(FIRST_S, self._repeat)

    def soon(self) -> bool:
        """Nobody was there: send it once more in a moment. False: it was sent often enough."""
        if self._left <= AGAIN - NOBODY_AGAIN or self._timer is None:
            return False
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(NEXT_S, self._repeat)
        return True

    def end(self) -> None:
        """Send it no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._late.discard(self)

    def _repeat(self) -> None:
        if not self._left or (self not in self._late and len(self._late) >= MOST_LATE):
            return
        self._late.add(self)
        self._left -= 1
        with suppress(Disconnected):  # who waits is told of a lost connection by the bus
            self._send()
        self._timer = asyncio.get_running_loop().call_later(NEXT_S, self._repeat)
