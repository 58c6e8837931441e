"""What was held when, and whether it grew. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

WARM = 1 / 6
"""The first part of a run fills caches and is not compared."""


@dataclass(frozen=True, slots=True)
class Series:
    """One figure of one process over the run."""

    process: str
    figure: str
    points: Sequence[tuple[float, float]]
    """Minutes since the start, and the figure."""

    @property
    def early(self) -> float:
        """Its median in the sixth after the first."""
        return median(value for _, value in self._part(WARM, 2 * WARM))

    @property
    def late(self) -> float:
        """Its median in the last sixth."""
        return median(value for _, value in self._part(1 - WARM, 1))

    @property
    def growth(self) -> float:
        """From early to late, as a share of early."""
        return (self.late - self.early) / self.early if self.early else float(self.late > 0)

    @property
    def step(self) -> float:
        """The most it rose from one sixtieth of the run to the next, between early and late."""
        size = max(1, len(self.points) // 60)
        starts = range(int(len(self.points) * WARM), len(self.points) - size + 1, size)
        levels = [median(value for _, value in self.points[start : start + size]) for start in starts]
        return max((after - before for before, after in pairwise(levels)), default=0.0)

    def flat(self, share: float, least: float, step: float = 0.0) -> bool:
        """Whether it grew by no more than `share`, or than `least` in all; one step of up to `step` is no growth."""
        return self.late - self.early - min(self.step, step) <= max(self.early * share, least)

    def _part(self, start: float, end: float) -> Sequence[tuple[float, float]]:
        count = len(self.points)
        return self.points[int(count * start) : max(int(count * end), int(count * start) + 1)]


BOUNDS: dict[str, tuple[float, float]] = {
    "rss": (0.05, 4 * 2**20),
    "fds": (0.0, 3),
    "tasks": (0.02, 5),
    "subscriptions": (0.005, 10),
    "connections": (0.005, 5),
    "consumers": (0.0, 0),
}
"""What counts as flat, for each figure: a share, or a number where the share is less."""


STEPS: dict[tuple[str, str], float] = {
    # The write buffer of a stream's newest block, 8 MiB at most, and a heap that Go lets be twice what lives in it.
    ("nats-server", "rss"): 17 * 2**20,
    # Most likely the arena of the text index, taken when it first merges what it wrote.
    ("directory", "rss"): 17 * 2**20,
    ("directory 2", "rss"): 17 * 2**20,
}
"""What a process takes once, some time in the first hours, and never again."""


def grown(series: Sequence[Series]) -> list[Series]:
    """Those that did not stay flat."""
    return [one for one in series if not one.flat(*BOUNDS[one.figure], STEPS.get((one.process, one.figure), 0.0))]
