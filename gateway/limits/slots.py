"""Requests of one principal at the same time, in this process."""

from __future__ import annotations

from collections import Counter


class Slots:
    """So many slots for each key."""

    def __init__(self, most: int | None) -> None:
        """`most`: None for as many as come."""
        self.most = most
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """Slots held by all."""
        return self._held.total()

    def take(self, key: str) -> bool:
        """Take a slot; False: all of them are taken. What was taken must be given back."""
        if self.most is not None and self._held[key] >= self.most:
            return False
        self._held[key] += 1
        return True

    def give_back(self, key: str) -> None:
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]
