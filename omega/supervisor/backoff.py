"""Whether a process that ended is started again, and after how long. Pure: time and chance are arguments."""

from __future__ import annotations

from dataclasses import dataclass

from omega.handshake import Exit

HOPELESS: dict[int, str] = {
    Exit.USAGE: "its settings were refused",
    Exit.NOT_INSTALLED: "something it needs is not installed",
}
"""Exit codes of our own processes that say: the same start will end the same way."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How eager to be."""

    first_s: float = 0.25
    """Pause after the first end in a row."""
    factor: float = 2.0
    longest_s: float = 15.0
    """Bound on the pause. Higher spares a machine with a hopeless process at the expense of a later recovery."""
    stable_s: float = 20.0
    """A process that ran this long had a good life: its next end counts as the first again."""
    jitter: float = 0.2
    """Up to this share is taken off a pause at random, so that processes that fell together do not rise together."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one life of a process ended."""

    code: int | None
    """Exit code, negative for a signal, None when it could not be started at all."""
    ran_s: float
    was_ready: bool
    note: str = ""
    """Known better than by the code: could not be started, was not ready in time."""

    @property
    def reason(self) -> str:
        """For people."""
        if self.note:
            return self.note
        if self.code is not None and self.code < 0:
            return f"killed by signal {-self.code}"
        return f"exit {self.code}"


@dataclass(frozen=True, slots=True)
class Again:
    """Start it again."""

    after_s: float
    failures: int
    """Ends in a row, this one included; the argument of the next decision."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Leave it."""

    reason: str


def decide(policy: RestartPolicy, ended: Ended, *, failures: int, chance: float) -> Again | GiveUp:
    """What follows `ended`, after `failures` ends in a row before it; `chance` is a random number in [0, 1)."""
    if ended.code in HOPELESS and not ended.was_ready:
        return GiveUp(HOPELESS[ended.code])
    in_a_row = 1 if ended.was_ready and ended.ran_s >= policy.stable_s else failures + 1
    return Again(_pause(policy, in_a_row, chance), in_a_row)


def _pause(policy: RestartPolicy, in_a_row: int, chance: float) -> float:
    exponent = min(in_a_row - 1, 64)  # beyond it every pause is the longest, and a float would overflow
    full = min(policy.first_s * policy.factor**exponent, policy.longest_s)
    return full * (1 - policy.jitter * chance)
