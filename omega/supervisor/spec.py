"""What the supervisor is told about a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from omega.supervisor.child import Child

Readiness = Callable[[Child], Awaitable[None]]
"""Returns when the child is ready; the supervisor bounds the wait and cancels it when the child ends first."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process to keep alive."""

    name: str
    command: tuple[str, ...]
    stage: int
    """Started when every process of a lower stage is ready or has had its time; ended before them."""
    ready: Readiness
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    url: str = ""
    """Where people find it."""
    essential: bool = False
    """Whether the start-up is called off when it does not become ready."""
    ready_timeout_s: float = 30.0
    """A process not ready by then is ended and started again."""
    stop_timeout_s: float = 10.0
    """How long it may take to end after SIGTERM; then it is killed with everything it started."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A process that cannot run here, shown beside the others with what to do about it."""

    name: str
    detail: str
