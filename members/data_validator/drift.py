"""How far the values of a column have moved: the population stability index over shares (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence

MODERATE, LARGE = 0.1, 0.25
FLOOR = 1e-4
"""The share of an empty bin: with none at all the index would be infinite."""


def stability_index(before: Sequence[int], after: Sequence[int]) -> float:
    """The index of two counts of the same bins; 0 where either has no values at all."""
    if not sum(before) or not sum(after):
        return 0.0
    ours, theirs = shares(before), shares(after)
    return sum((new - old) * math.log(new / old) for old, new in zip(ours, theirs, strict=True))


def shares(counts: Sequence[int]) -> list[float]:
    """Counts as shares of their sum, none below `FLOOR`."""
    total = sum(counts)
    return [max(count / total, FLOOR) for count in counts]


def shift(index: float, null_rate_before: float, null_rate_after: float) -> str:
    """One word for how far a column has moved; gaps that came or went count like values."""
    gap = abs(null_rate_after - null_rate_before)
    if index >= LARGE or gap >= LARGE:
        return "large"
    return "moderate" if index >= MODERATE or gap >= MODERATE else "stable"
