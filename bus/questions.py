"""Questions to whichever directory the bus chooses. They change nothing, so they may be asked more than once.

The bus may choose a replica that is frozen, or know of none while servers are replaced. A question without an answer is
therefore asked again within its time, and whichever replica answers first is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from bus.connection import Bus
from bus.errors import Disconnected, FederationError, NoInstance
from bus.inbox import Answer
from bus.message import Message

FIRST_S = 0.25
"""A healthy directory answers in a hundredth of it."""
NEXT_S = 0.1
AGAIN = 6
"""How often a question is asked again at most: with one of two replicas frozen, 1 in 128 meets it every time."""
NOBODY_AGAIN = 4
"""How often while nobody is there: who asks of a federation without a directory is told so within half a second."""
MOST_LATE = 200
"""With so many questions late at once it is not one replica that is slow, and nothing is asked again."""


class Questions:
    """Those of one connection."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._late: set[Repeats] = set()

    async def ask(self, subject: str, body: bytes, *, timeout: float) -> Message:
        """What came first, to whichever asking. Raises the error that it is, NoInstance, DeadlineExceeded."""
        answer = Answer(self._bus.clock, timeout, subject)

        def deliver(result: Message | FederationError) -> None:
            failure = result.failure(subject) if isinstance(result, Message) else result
            if not (isinstance(failure, NoInstance) and repeats.soon()):
                answer.deliver(failure or result)

        reply = self._bus.open_reply(deliver)
        repeats = Repeats(partial(self._bus.send, subject, body, reply=reply), self._late)
        try:
            repeats.begin()
            return await answer.wait()
        finally:
            repeats.end()
            answer.close()
            self._bus.close_reply(reply)


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
