"""Starts and ends the processes of a benchmark, and reads what CPU they used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

CONFIG = """
listen: "127.0.0.1:-1"
ports_file_dir: "{0}"
jetstream {{ store_dir: "{0}/store", sync_interval: always }}
"""


class Process:
    """One process under test."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        """`environment`: beside what this process has."""
        self.name = name
        around = {**os.environ, **(environment or {})}
        self._popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=around
        )
        self._measured = psutil.Process(self._popen.pid)
        self.port = 0

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def rss_mb(self) -> float:
        return float(self._measured.memory_info().rss) / 2**20

    def cpu(self) -> float:
        """Seconds of CPU used so far, user and system."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    def wait_ready(self) -> Process:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            if line.startswith("port "):
                self.port = int(line.split()[1])
            if line.strip() == "ready":
                return self
        raise RuntimeError(f"{self.name} ended before it was ready")

    def end(self) -> None:
        self._popen.terminate()
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()


class Stage:
    """A nats-server and the roles started on it."""

    def __init__(self, directory: Path) -> None:
        config = directory / "nats.conf"
        config.write_text(CONFIG.format(directory))
        binary = Path(sys.executable).parent / "nats-server"
        self.nats = Process("nats-server", [str(binary), "-c", str(config)])
        ports = directory / f"nats-server_{self.nats.pid}.ports"
        while not (ports.exists() and ports.read_text()):
            time.sleep(0.02)
        self.url: str = json.loads(ports.read_text())["nats"][0]
        self._processes = [self.nats]

    def start(self, role: str, argument: str = "") -> Process:
        return self.launch(role, "benchmarks.roles", self.url, *([argument] if argument else []))

    def launch(self, role: str, module: str, *arguments: str) -> Process:
        """A role of that module, once it is ready; it ends with the stage."""
        process = Process(role, [sys.executable, "-m", module, role, *arguments])
        self._processes.append(process)
        return process.wait_ready()

    def end(self) -> None:
        for process in reversed(self._processes):
            process.end()


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage that is cleared afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        running = Stage(Path(directory))
        try:
            yield running
        finally:
            running.end()
