"""What a supervisor and its fork server say to each other, one value a message.

After an upgrade they may be of two versions: who reads what it does not know hangs up, and starts from scratch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

MAX_BYTES = 128 * 1024
"""Of a message; an environment is most of it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Become this. Two descriptors come with it: for the output, and for the readiness."""

    arguments: Sequence[str]
    """Of the `omega` command."""
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Born:
    """What was wanted is there."""

    pid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What was wanted cannot be had of this server."""

    reason: str
    stale: bool = False
    """Whether a new server could: the files that this one loaded are others by now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process is no more."""

    pid: int
    code: int
    """Negative: the signal that killed it."""


Word = Wanted | Born | Refused | Ended
_KINDS: Mapping[str, type[Word]] = {kind.__name__: kind for kind in (Wanted, Born, Refused, Ended)}


def written(word: Word) -> bytes:
    """As it goes over the socket. Raises OSError: it is larger than `MAX_BYTES`."""
    data = json.dumps([type(word).__name__, asdict(word)]).encode()
    if len(data) > MAX_BYTES:
        raise OSError(f"{len(data)} bytes; {MAX_BYTES} at most")
    return data


def read(data: bytes) -> Word:
    """The value that was written. Raises ValueError: somebody else wrote it."""
    try:
        kind, fields = json.loads(data)
        return _KINDS[kind](**fields)
    except (TypeError, KeyError) as exc:
        raise ValueError(f"not a word of this version: {data[:100]!r}") from exc
