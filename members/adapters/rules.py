"""How eager an adapter is: pauses between attempts, patience with silence, and the count of losses. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Behind(StrEnum):
    """What stands behind a link, for that decides what its silence may mean and what an attempt costs."""

    CHILD = "child"
    """A process of ours: giving it up kills it, and with it what it works on."""
    URL = "url"
    """A server elsewhere: giving it up only closes the conversation."""
    BUS = "bus"
    """A member: the bus tells whether it is there, and nothing is asked."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How eager to be."""

    first_pause_s: float = 0.2
    longest_pause_s: float = 15.0
    stable_s: float = 20.0
    """A conversation that lasted this long was a good one: the next loss counts as the first."""
    many_losses: int = 10
    """A child lost so often in a row, each time before it was stable, is not about to recover by itself."""
    hopeless_pause_s: float = 60.0
    """The longest pause for such a child. A URL is tried as often as before: asking it costs next to nothing."""
    absent_after_s: float = 3.0
    """A server gone for longer takes its member out of the directory, until it is back."""
    check_every_s: float = 10.0
    """A URL that was silent for so long is asked for a sign of life."""
    check_patience_s: float = 5.0
    """How long a URL may owe that sign when nothing is in flight that could keep it busy."""
    excuse_s: float = 120.0
    """How long a call in flight excuses a URL: a host that vanished cannot be told from one that works in silence."""
    child_check_every_s: float = 30.0
    """The same pause for a child, whose end is noticed at once anyway: this finds one that hangs."""
    child_patience_s: float = 30.0
    """How long a child may owe a sign of life when nothing is in flight that could keep it busy."""
    stopped_s: float = 10.0
    """How long a child may owe it while a signal keeps it from running: then no call excuses it."""
    second_try_s: float = 3.0
    """How long a request that did not run waits for the server to be back before it is given back."""

    def asked_after_s(self, behind: Behind) -> float:
        """Silence after which a sign of life is asked for."""
        return self.child_check_every_s if behind is Behind.CHILD else self.check_every_s

    def pause_s(self, behind: Behind, losses: int, chance: float) -> float:
        """The pause after so many losses in a row: anywhere up to a bound that doubles. `chance` is in [0, 1)."""
        hopeless = behind is Behind.CHILD and losses > self.many_losses
        longest = max(self.longest_pause_s, self.hopeless_pause_s) if hopeless else self.longest_pause_s
        bound = min(self.first_pause_s * 2.0 ** min(losses - 1, 32), longest)
        least = min(self.first_pause_s, bound) / 2
        return least + (bound - least) * chance


@dataclass(frozen=True, slots=True)
class Losses:
    """How often a server was lost, and why the last time."""

    count: int = 0
    in_a_row: int = 0
    """Since it was last there for `Rules.stable_s`."""
    last: str = ""

    def one_more(self, reason: str, *, lasted_s: float, rules: Rules) -> Losses:
        """After a conversation that lasted so long; 0 when there was none."""
        in_a_row = 1 if lasted_s >= rules.stable_s else self.in_a_row + 1
        return Losses(self.count + 1, in_a_row, reason)
