"""A process of ours under test: started, killed, frozen, ended; never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from omega.supervisor import tether

ROOT = Path(__file__).parent.parent.parent
ENDS_WITHIN_S = 25.0


class Process:
    """One process in a session of its own, tied to this one: it dies with us, whatever ends us."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = [sys.executable, *command]
        self._environment = {**_outside(), **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it lives, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, again if need be; whoever asks it learns when it serves."""
        tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self._command]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                tied,
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9, with everything it started. Returns when it is gone."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not end. Returns when it is gone."""
        if self._process is None:
            return
        self.resume()
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: int) -> None:
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def end_on_sigterm() -> None:
    """Have SIGTERM cancel the task that calls this, so that it ends what it started, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OMEGA_")}
