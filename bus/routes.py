"""Which instance of a member a call is sent to: what a caller has heard of each, and the choice between them. Pure.

What an instance says of itself in its heartbeats is seconds old; what this caller has sent it since is exact. The sum
is the estimate, and the better of two drawn at random is taken: that keeps callers who all believe the same from
running to the same place (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from operator import attrgetter

from bus.messages import Heartbeat
from bus.subjects import Instance

PATIENCE_BEATS = 3
"""An instance that was silent for so many of its own intervals is not chosen any more."""
FIRST_INTERVAL_S = 10.0
"""Taken for an instance's interval until two heartbeats of it were heard."""
FULL_S = 1.0
"""How long an instance that answered "busy" is left alone."""


@dataclass(slots=True)
class Known:
    """What is known of one instance. Times are seconds of the caller's own monotonic clock."""

    who: Instance
    limit: int
    others: int
    """Calls it worked on when it last said so, without those of this caller."""
    heard: float
    interval: float = FIRST_INTERVAL_S
    ours: int = 0
    """Calls of this caller in flight there."""
    full_until: float = 0.0
    mute: bool = False
    """It did not answer when it was asked for a sign of life; a heartbeat is one."""

    @property
    def load(self) -> float:
        """Share of its limit in use, as far as can be known; above 1 where more was sent than it takes."""
        return (self.others + self.ours) / self.limit

    def fit(self, now: float) -> bool:
        return not self.mute and now >= self.full_until and now - self.heard <= PATIENCE_BEATS * self.interval

    def full(self, now: float) -> None:
        """It answered "busy"."""
        self.full_until = now + FULL_S

    def fell_mute(self) -> None:
        """It gives no sign of life: nothing is sent there until its next heartbeat."""
        self.mute = True


class Routes:
    """The instances of the members that a caller calls. Synchronous; the time is an argument."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, Known]] = {}

    def heard(self, who: Instance, beat: Heartbeat, now: float) -> None:
        """A heartbeat. One that tells no limit is of somebody who takes no calls by instance."""
        if beat.limit < 1:
            return
        instances = self._members.setdefault(who.member, {})
        known = instances.get(who.instance)
        if known is None:
            instances[who.instance] = Known(who, beat.limit, beat.in_flight, now)
            return
        known.interval = max(0.1, now - known.heard)
        known.heard, known.limit, known.mute = now, beat.limit, False
        known.others = max(0, beat.in_flight - known.ours)

    def choose(self, member: str, now: float, draw: Callable[[], float], without: Collection[str] = ()) -> Known | None:
        """The instance to send to; None: let the bus choose. `draw` gives numbers in [0, 1).

        Who sends there counts its calls in `ours` until they end.
        """
        instances = self._members.get(member)
        if not instances:
            return None
        if len(instances) == 1:
            (known,) = instances.values()
            return known if known.fit(now) and known.who.instance not in without else None
        fit = [known for name, known in instances.items() if known.fit(now) and name not in without]
        if len(fit) < 2:
            return fit[0] if fit else None
        first = int(draw() * len(fit))
        second = (first + 1 + int(draw() * (len(fit) - 1))) % len(fit)
        return min(fit[first], fit[second], key=attrgetter("load"))

    def gone(self, who: Instance) -> None:
        """It is not there any more; a heartbeat brings it back."""
        self._members.get(who.member, {}).pop(who.instance, None)

    def forget(self, member: str) -> None:
        """Nobody asks for this member any more."""
        self._members.pop(member, None)

    def instance(self, who: Instance) -> Known | None:
        """What is known of one; None: it was not heard yet, or is gone."""
        return self._members.get(who.member, {}).get(who.instance)

    def instances(self, member: str) -> dict[str, Known]:
        """What is known of a member's instances."""
        return dict(self._members.get(member, {}))
