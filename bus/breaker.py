"""A circuit breaker: a member that fails call after call is left alone for a while. Pure; the time is an argument.

Only what a sick member does counts: instances that die in the middle of calls, and calls that a patient caller gave up.
A tool that answers with an error, however often, is a healthy member's answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

FAILURES = 5
"""So many failures in a row open it; one success starts the count again."""
SPACING_S = 1.0
"""Failures within so long of a counted one are the same news: an instance that dies takes many calls with it."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""Doubled with every trial that fails, up to this."""


class Verdict(StrEnum):
    """What is to be done with a call."""

    SEND = "send"
    TRY = "try"
    """Send it as the one that finds out whether the member is well again."""
    REFUSE = "refuse"


@dataclass(slots=True)
class Breaker:
    """One member's."""

    failures: int = 0
    counted: float = -inf
    """When the last failure was counted."""
    pause: float = 0.0
    """Seconds of the last pause; 0 while it is closed."""
    until: float = 0.0
    trying: bool = False

    def ask(self, now: float) -> Verdict:
        """Whether a call may go out. A TRY must be followed by `succeeded`, `failed` or `untold`."""
        if not self.pause:
            return Verdict.SEND
        if now < self.until or self.trying:
            return Verdict.REFUSE
        self.trying = True
        return Verdict.TRY

    def succeeded(self) -> None:
        """The member answered."""
        self.failures, self.pause, self.until, self.trying = 0, 0.0, 0.0, False

    def failed(self, now: float) -> None:
        """It did not."""
        if self.trying:
            self._open(now)
        elif now - self.counted >= SPACING_S:
            self.failures, self.counted = self.failures + 1, now
            if self.failures >= FAILURES and not self.pause:
                self._open(now)

    def untold(self) -> None:
        """The call ended in a way that says nothing of the member."""
        self.trying = False

    def _open(self, now: float) -> None:
        self.pause = min(LONGEST_PAUSE_S, self.pause * 2 or FIRST_PAUSE_S)
        self.until = now + self.pause
        self.trying = False

    def seconds_left(self, now: float) -> float:
        """Until the next trial."""
        return max(0.0, self.until - now)
