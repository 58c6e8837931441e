"""Tells the audit trail of refusals, so many a second and no more: whoever is refused cannot flood it.

What is left out is counted, and told with the next event of the same caller.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bus import Instance
from bus.messages import EventKind
from bus.names import ANY_INSTANCE, is_id

A_CALLER_PER_S = 2.0
A_CALLER_AT_ONCE = 10.0
ALL_PER_S = 50.0
ALL_AT_ONCE = 100.0
CALLERS = 1_000
"""Callers that are counted apart; one more, and the one refused longest ago begins anew."""


class Telling(Protocol):
    """Where events go: `bus.trail.Trail`."""

    def tell(self, kind: EventKind, who: Instance | None, **facts: Any) -> None: ...


@dataclass(slots=True)
class Allowance:
    """Events that may be told: some at once, then so many a second."""

    per_s: float
    most: float
    left: float
    at: float
    suppressed: int = 0

    def take(self, now: float) -> bool:
        """Whether one more may be."""
        self.left = min(self.most, self.left + (now - self.at) * self.per_s)
        self.at = now
        if self.left < 1:
            self.suppressed += 1
            return False
        self.left -= 1
        return True


class Denials:
    """Publishes refusals."""

    def __init__(self, trail: Telling, clock: Callable[[], float]) -> None:
        self._trail = trail
        self._clock = clock
        self._all = Allowance(ALL_PER_S, ALL_AT_ONCE, ALL_AT_ONCE, clock())
        self._callers: OrderedDict[str, Allowance] = OrderedDict()

    def tell(self, kind: EventKind, *, caller: str, peer: str, member: str | None = None, **facts: Any) -> None:
        """One refusal: of whom (a principal's name, or "" and the address), of what, and why."""
        mine = self._allowance(caller or f"peer {peer}")
        if not mine.take(self._clock()):
            return
        if not self._all.take(self._clock()):
            mine.suppressed += 1
            return
        suppressed, mine.suppressed = mine.suppressed, 0
        who = Instance(member, ANY_INSTANCE) if member is not None and is_id(member) else None
        told = {**facts, "caller": caller or None, "peer": peer or None, "suppressed": suppressed or None}
        self._trail.tell(kind, who, **told)

    def _allowance(self, key: str) -> Allowance:
        found = self._callers.get(key)
        if found is None:
            found = self._callers[key] = Allowance(A_CALLER_PER_S, A_CALLER_AT_ONCE, A_CALLER_AT_ONCE, self._clock())
            if len(self._callers) > CALLERS:
                self._callers.popitem(last=False)
        self._callers.move_to_end(key)
        return found
