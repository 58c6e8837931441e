"""What a run writes down, one JSON object a line, and reads back for the checker.

Times are seconds of the machine's monotonic clock, the same for every process on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Outcome(StrEnum):
    """What an operation came to, by what its client was told; exactly one."""

    OK = "ok"
    REFUSED = "not executed"
    UNKNOWN = "unknown"
    ERROR = "error"
    """A fault on the other side that nobody planned."""


class Op(StrEnum):
    """What was asked."""

    REGISTER = "register"
    LEAVE = "leave"
    HEARTBEAT = "heartbeat"
    SEARCH = "search"
    CALL = "call"


class Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Found = Annotated[tuple[tuple[str, str, str], ...], Field(default=())]


class Operation(Line):
    """One operation of the load."""

    op: Op
    door: str
    """Which gateway, or which way over the bus."""
    id: str
    """Of the member registered, withdrawn or looked for; of a call, its own id."""
    began: float
    ended: float
    deadline: float
    """Seconds it was allowed to take."""
    outcome: Outcome
    code: str = ""
    """Of the error; `client_gave_up` where nobody answered and the client's own patience was over."""
    epoch: int | None = None
    version: str = ""
    """Registered, or looked for."""
    group: str = ""
    """Of a search for all of a tag."""
    found: Found
    """Of a search: id, version and description of each."""
    safe: bool = False
    """Of a call: its tool may run twice."""
    right: bool = True
    """Of a call that was answered: whether the answer is the one that its arguments must give."""


class Hurt(Line):
    """One fault that was carried out."""

    label: str
    part: str
    kind: str
    target: str
    began: float
    healed: float
    """When its cause ended: thawed, started again, network as usual."""
    recovered: float | None
    """When what it hurt served again; None: not within the time allowed."""


class Standstill(Line):
    """The load's own process had no time."""

    began: float
    ended: float


class Change(Line):
    """One change of the registry, when it was first seen."""

    key: str
    revision: int
    at: float
    status: str
    """Empty for a key that was deleted."""
    epoch: int


class Entry(Line):
    """One record that the registry holds in the end."""

    key: str
    status: str
    epoch: int
    version: str
    description: str


class Replica(Line):
    """What one directory shows in the end."""

    name: str
    shown: tuple[tuple[str, str], ...]
    """Id and version of each member."""


class Ended(Line):
    """The end: what is left to compare."""

    entries: tuple[Entry, ...]
    replicas: tuple[Replica, ...]
    members: tuple[str, ...]
    """Keys of the instances that ran."""


L = TypeVar("L", bound=Line)


class Journal:
    """A file that lines are added to. Not more than `most` lines: a run is bounded."""

    def __init__(self, path: Path, most: int = 1_000_000) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")  # what was noted outlasts a run that is killed
        self._left = most

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._file.close()

    def add(self, line: Line) -> None:
        """Raises RuntimeError when it is full."""
        if self._left <= 0:
            raise RuntimeError(f"{self._file.name} is full")
        self._left -= 1
        self._file.write(line.model_dump_json(exclude_defaults=True) + "\n")


def read_lines(path: Path, kind: type[L]) -> Iterator[L]:
    """The lines of a journal."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield kind.model_validate_json(line)


def read_executions(path: Path) -> Counter[str]:
    """How often each call was executed, as the members wrote it down."""
    if not path.exists():
        return Counter()
    return Counter(line.partition(" ")[0] for line in path.read_text(encoding="utf-8").splitlines())
