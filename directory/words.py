"""The words of names and sentences, so that `code_analyzer`, `CodeAnalyzer` and `code-analyzer` are found alike.

A compound gives its parts and itself in one piece: `GitHub` is found by `github` and by `hub`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPOUND = re.compile(r"[^\W_]+(?:[-_.]+[^\W_]+)*")
_JOINT = re.compile(r"[-_.]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Compound:
    """One name or word of a text, in lower case."""

    parts: tuple[str, ...]

    @property
    def whole(self) -> str:
        return "".join(self.parts)


def compounds(text: str) -> list[Compound]:
    """The names and words of `text`, in order; other characters only separate them."""
    return [Compound(tuple(split(found))) for found in _COMPOUND.findall(text)]


def split(identifier: str) -> list[str]:
    """The words of one identifier, in lower case: cut at `_`, `-`, `.` and where the case changes."""
    return [part.lower() for part in _JOINT.split(identifier) if part]


def spelled(text: str) -> str:
    """`text` as an index should read it: every part of every compound, and the compound in one piece behind them."""
    said: list[str] = []
    for compound in compounds(text):
        said += compound.parts
        if len(compound.parts) > 1:
            said.append(compound.whole)
    return " ".join(said)


def squashed(text: str) -> str:
    """`text` as one word: its letters and digits alone, in lower case."""
    return "".join(compound.whole for compound in compounds(text))
