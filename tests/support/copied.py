"""Instances of the member `copied` (tests/support/copied_worker.py) that a test starts, kills and freezes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path


class Workers:
    """Instances in processes of their own, and what each executed."""

    def __init__(self, url: str, executions: Path) -> None:
        self._url = url
        self._file = executions
        self._file.touch()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        for name in names:
            command = [sys.executable, "-m", "tests.support.copied_worker", self._url, name, str(self._file)]
            self._processes[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGKILL)

    def freeze(self, name: str) -> None:
        self._processes[name].send_signal(signal.SIGSTOP)

    def end(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait(10)

    @property
    def executed(self) -> list[str]:
        return self._file.read_text(encoding="utf-8").split()
