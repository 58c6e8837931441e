"""Who is registered, as far as the load knows: whom to register, update, withdraw or look for next. No I/O.

One thing is done with an id at a time. An id of which something is not known for certain is left alone from then on:
what became of it is the checker's question.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.checker import described

GROUP = 20
"""Ids that share a tag: a search for it has them all on one page."""
LONG_S = 3_600.0
"""Announced as heartbeat interval by who never sends one: its lease outlasts the run."""
BEATING_S = 5.0
BEATING = 40
"""Ids that are kept alive by heartbeats all through."""


@dataclass(slots=True)
class Being:
    """One id."""

    id: str
    group: str
    beats: bool
    epoch: int = 0
    present: bool = False
    taken: bool = False
    """Something is being done with it, or its state is not known."""
    may_return: bool = True
    """Every leave so far was answered at once: none is still on its way that could end a later life."""

    @property
    def version(self) -> str:
        return f"{self.epoch}.0.0"

    def manifest(self) -> dict[str, Any]:
        """Of its present epoch."""
        return {
            "id": self.id,
            "name": f"Chaos {self.id}",
            "description": described(self.id, self.version),
            "version": self.version,
            "tags": ["chaos", self.group],
            "capabilities": ["chaos"],
            "heartbeat_interval_s": BEATING_S if self.beats else LONG_S,
            "epoch": self.epoch,
        }


@dataclass(slots=True)
class Population:
    """Every id. `draw` decides all that is left to chance."""

    draw: random.Random
    beings: list[Being] = field(default_factory=list)

    def newcomer(self) -> Being:
        """A new id, taken."""
        number = len(self.beings)
        beats = number < BEATING
        being = Being(f"being-{number}", f"group-{number // GROUP}", beats, taken=True)
        self.beings.append(being)
        return being

    def to_update(self) -> Being | None:
        """One that is registered, taken."""
        return self._take(lambda one: one.present)

    def to_leave(self) -> Being | None:
        """One that is registered and not kept alive, taken."""
        return self._take(lambda one: one.present and not one.beats)

    def to_return(self) -> Being | None:
        """One that left and may come back with its next epoch, taken."""
        return self._take(lambda one: not one.present and one.epoch > 0 and one.may_return)

    def beating(self) -> list[Being]:
        return [one for one in self.beings[:BEATING] if one.epoch > 0]

    def to_look_for(self) -> Being:
        return self.draw.choice(self.beings)

    def group(self) -> str:
        return self.draw.choice(self.beings).group

    def _take(self, fits: Any) -> Being | None:
        """A few tries: what is not found now is found the next time."""
        for _ in range(20):
            one = self.draw.choice(self.beings) if self.beings else None
            if one is not None and not one.taken and fits(one):
                one.taken = True
                return one
        return None
