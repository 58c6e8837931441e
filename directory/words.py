"""The words of names and sentences, so that `code_analyzer`, `CodeAnalyzer` and `code-analyzer` are found alike.

A compound gives its parts and itself in one piece: `GitHub` is found by `github` and by `hub`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_COMPOUND = re.compile(r"[^\W_]+(?:[-_.]+[^\W_]+)*")
_JOINT = re.compile(r"[-_.]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_OFTEN = 64
"""Letters of a word that may come again; longer ones would fill memory for nothing."""


@dataclass(frozen=True, slots=True)
class Compound:
    """One name or word of a text, in lower case."""

    parts: tuple[str, ...]

    @property
    def whole(self) -> str:
        return "".join(self.parts)


def compounds(text: str) -> list[Compound]:
    """The names and words of `text`, in order; other characters only separate them."""
    return [Compound(split(found)) for found in _COMPOUND.findall(text)]


def split(identifier: str) -> tuple[str, ...]:
    """The words of one identifier, in lower case: cut at `_`, `-`, `.` and where the case changes."""
    return _split_often(identifier) if len(identifier) <= _OFTEN else _split(identifier)


def spelled(text: str) -> str:
    """`text` as an index should read it: every part of every compound, and the compound in one piece behind them."""
    said: list[str] = []
    for found in _COMPOUND.findall(text):
        parts = split(found)
        said += parts
        if len(parts) > 1:
            said.append("".join(parts))
    return " ".join(said)


def squashed(text: str) -> str:
    """`text` as one word: its letters and digits alone, in lower case."""
    return "".join(part for found in _COMPOUND.findall(text) for part in split(found))


def _split(identifier: str) -> tuple[str, ...]:
    return tuple(part.lower() for part in _JOINT.split(identifier) if part)


_split_often = lru_cache(maxsize=16_384)(_split)
