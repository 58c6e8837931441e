"""How a process comes to be: what it is given, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omega.handshake import READY_FD

OURS = (sys.executable, "-m", "omega")
"""How the command of a process of ours begins."""
_TETHER = str(Path(__file__).with_name("tether.py"))


@dataclass(frozen=True, slots=True)
class Birth:
    """A process that is to be."""

    command: Sequence[str]
    environment: Mapping[str, str]
    """All of it, apart from `OMEGA_READY_FD`."""
    output: int
    """The descriptor that its stdout and stderr go to."""
    readiness: int
    """The descriptor that it says it is ready on."""


class Started(Protocol):
    """A process, in a session of its own, that dies with this one."""

    @property
    def pid(self) -> int:
        """Its number, and that of its group."""

    @property
    def returncode(self) -> int | None:
        """Exit code once it ended; negative: the signal that killed it."""

    def terminate(self) -> None:
        """Send SIGTERM. Raises ProcessLookupError."""

    def kill(self) -> None:
        """Kill it and everything it started."""

    async def wait(self) -> int:
        """Until it ended; its exit code."""

    def clear(self) -> None:
        """It ended: kill what it started and left behind."""


Start = Callable[[Birth], Awaitable[Started]]
"""Makes a process. Raises OSError."""


async def execute(birth: Birth) -> Started:
    """Make a process from scratch."""
    environment = {**birth.environment, READY_FD: str(birth.readiness)}
    return Executed(await tethered(birth.command, environment, birth.output, birth.readiness))


async def tethered(command: Sequence[str], environment: Mapping[str, str], output: int, kept: int) -> Process:
    """A process in a session of its own that dies with this one and keeps the descriptor `kept`. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", _TETHER, str(os.getpid()), *command),
        env=environment,
        stdin=DEVNULL,
        stdout=output,
        stderr=STDOUT,
        start_new_session=True,
        pass_fds=(kept,),
    )


class Executed:
    """A process made from scratch."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        kill_group(self.pid)

    async def wait(self) -> int:
        return await self._process.wait()

    def clear(self) -> None:
        kill_group(self.pid)


def kill_group(leader: int) -> None:
    """Kill a process and everything it started, as far as they are still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
