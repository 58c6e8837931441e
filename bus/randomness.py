"""Random tokens, many from one question to the kernel: asking it for each would cost more than all else about them."""

from __future__ import annotations

from os import urandom

_DRAWN_AT_ONCE = 256


class Tokens:
    """Gives tokens of so many random bytes, in hex, none of them twice. For one process: not to be kept over a fork."""

    def __init__(self, size: int) -> None:
        self._size = 2 * size
        self._drawn = ""
        self._at = 0

    def next(self) -> str:
        if self._at >= len(self._drawn):
            self._drawn, self._at = urandom(self._size // 2 * _DRAWN_AT_ONCE).hex(), 0
        start = self._at
        self._at = start + self._size
        return self._drawn[start : self._at]
