"""What the supervisor writes down for other commands: which processes there are and how each is doing.

One JSON file, replaced as a whole, so that a reader sees the old state or the new one and never half of it. It may
outlive its supervisor (kill -9, power cut): a reader asks `supervised` before it believes it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError


class Phase(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    """Its turn in the start order has not come."""
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    """It ended; the next start comes after a pause."""
    FAILED = "failed"
    """It ended in a way that another start cannot mend."""
    NOT_INSTALLED = "not installed"
    STOPPING = "stopping"
    STOPPED = "stopped"


SETTLED = frozenset({Phase.READY, Phase.FAILED, Phase.NOT_INSTALLED, Phase.STOPPED})
"""Phases that a start-up no longer waits for."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as people see it."""

    name: str
    phase: Phase = Phase.WAITING
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0
    """Unix seconds when this life of the process began; 0 when it does not live."""
    url: str = ""
    detail: str = ""
    """Why it is in this phase, where that is not obvious."""

    def turned(self, phase: Phase, detail: str = "") -> ProcessState:
        """The same process in another phase."""
        return replace(self, phase=phase, detail=detail)


@dataclass(frozen=True, slots=True)
class RunState:
    """One run of `omega up`."""

    run_id: str
    """Also in the environment of every process of the run, as `OMEGA_RUN_ID`."""
    pid: int
    """The supervisor."""
    created: float
    """When that process was created, by the kernel's account: a pid alone may since be somebody else's."""
    nats_url: str
    gateway_url: str
    prefix: str
    stopping: bool = False
    processes: tuple[ProcessState, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether every process that can be here is ready."""
        wanted = [process for process in self.processes if process.phase is not Phase.NOT_INSTALLED]
        return not self.stopping and bool(wanted) and all(process.phase is Phase.READY for process in wanted)

    @property
    def settled(self) -> bool:
        """Whether the start-up is over, well or badly."""
        return bool(self.processes) and all(process.phase in SETTLED for process in self.processes)


_FORM = TypeAdapter(RunState)


def write_state(path: Path, state: RunState) -> None:
    """Replace the file at `path`. Raises OSError."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    fresh.replace(path)


def read_state(path: Path) -> RunState | None:
    """The state at `path`; None when there is none, or none that can be read."""
    try:
        return _FORM.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def supervised(state: RunState) -> bool:
    """Whether the supervisor that wrote `state` still lives."""
    try:
        return abs(psutil.Process(state.pid).create_time() - state.created) < 1 and _not_a_zombie(state.pid)
    except psutil.NoSuchProcess:
        return False


def running(path: Path) -> RunState | None:
    """The state at `path`, when the run that wrote it goes on."""
    state = read_state(path)
    return state if state is not None and supervised(state) else None


def own_creation_time() -> float:
    """What `RunState.created` says of this process."""
    return psutil.Process(os.getpid()).create_time()


def _not_a_zombie(pid: int) -> bool:
    return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
