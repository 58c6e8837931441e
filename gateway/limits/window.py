"""One caller's count in a sliding window. Decisions only: the time is an argument.

The same rule as of the library that counts in Redis ("sliding window counter"): windows follow each other on the clock,
and what was taken in the one before counts for the part of it that the sliding window still covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf

from gateway.limits.rules import Quota, Standing


@dataclass(slots=True)
class Window:
    """What was taken of one quota in the current window and in the one before."""

    number: int = 0
    """Of the current window, counted from the clock's zero."""
    before: int = 0
    taken: int = 0

    def take(self, quota: Quota, cost: int, now: float) -> Standing:
        """Take `cost` at `now` (Unix seconds), where there is so much."""
        self._turn(int(now // quota.window_s))
        over = quota.window_s - now % quota.window_s
        share = self.before * over / quota.window_s
        allowed = share + self.taken + cost < quota.amount + 1
        if allowed:
            self.taken += cost
        remaining = max(0, quota.amount - floor(share + self.taken))
        return Standing(quota, allowed, remaining, self._more_in(quota, over))

    def over(self, quota: Quota, now: float) -> bool:
        """Whether nothing that was taken counts any longer."""
        return int(now // quota.window_s) > self.number + 1

    def _turn(self, number: int) -> None:
        if number != self.number:
            self.before = self.taken if number == self.number + 1 else 0
            self.number, self.taken = number, 0

    def _more_in(self, quota: Quota, over: float) -> float:
        """Seconds until something that was taken counts no longer."""
        of_before = over % (quota.window_s / self.before) if self.before else inf
        of_this = over if self.taken else inf
        return min(of_before, of_this, float(quota.window_s)) if self.before or self.taken else 0.0
