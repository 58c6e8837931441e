"""One inbox per connection for every answer: a token in the subject finds who waits.

No subscription per request: a call costs one dictionary entry, and nothing is left behind when its caller goes away.
The token is random: it is the right to answer, and nobody has it but who was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bus.clock import Clock
from bus.errors import DeadlineExceeded, FederationError, NotAllowed
from bus.message import Message
from bus.randomness import Tokens

Deliver = Callable[[Message | FederationError], None]

_TOKEN_BYTES = 12


class Inbox:
    """Who waits for which answer. Synchronous; only for one event loop."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._tokens = Tokens(_TOKEN_BYTES)
        self._waiting: dict[str, tuple[Deliver, str]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def subject(self) -> str:
        """What to subscribe to."""
        return f"{self._prefix}.*"

    def renew(self, prefix: str) -> str:
        """New questions are answered below `prefix`. Returns the one before, on which older answers still come."""
        before, self._prefix = self._prefix, prefix
        return before

    def awaits(self, prefix: str) -> bool:
        """Whether an answer below `prefix` is awaited."""
        return any(reply.startswith(f"{prefix}.") for reply in self._waiting)

    def open(self, deliver: Deliver, subject: str = "") -> str:
        """A fresh reply subject; every message on it goes to `deliver` until `close`. `subject`: what is asked on."""
        reply = f"{self._prefix}.{self._tokens.next()}"
        self._waiting[reply] = (deliver, subject)
        return reply

    def close(self, reply: str) -> None:
        self._waiting.pop(reply, None)

    def receive(self, message: Message) -> None:
        """Hand an answer to who waits for it; one that comes too late is dropped."""
        waiting = self._waiting.get(message.subject)
        if waiting is not None:
            waiting[0](message)

    def deny(self, subject: str) -> None:
        """Tell who asked on `subject` (in small letters, as the server's word is passed on) that they may not."""
        for deliver, asked in list(self._waiting.values()):
            if asked.lower() == subject:
                deliver(NotAllowed(f"this process may not publish on {asked}", details={"subject": asked}))

    def fail(self, error: FederationError, prefix: str = "") -> None:
        """Tell everybody who waits (for an answer below `prefix`, where one is given) that none will come."""
        for reply, (deliver, _) in list(self._waiting.items()):
            if reply.startswith(prefix):
                deliver(error)


class Answer:
    """One awaited answer: the first message, an error, or the deadline."""

    __slots__ = ("_future", "_timer")

    def __init__(self, clock: Clock, timeout: float, subject: str) -> None:
        self._future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._timer = clock.after(timeout, lambda: self._expire(timeout, subject))

    def deliver(self, result: Message | FederationError) -> None:
        if self._future.done():
            return
        if isinstance(result, FederationError):
            self._future.set_exception(result)
        else:
            self._future.set_result(result)

    async def wait(self) -> Message:
        """The message. Raises what `deliver` was given, or DeadlineExceeded."""
        return await self._future

    def close(self) -> None:
        """Await it no longer, whether it came or not."""
        self._timer.cancel()

    def _expire(self, timeout: float, subject: str) -> None:
        self.deliver(DeadlineExceeded(f"no answer on {subject} within {timeout:g} s"))
