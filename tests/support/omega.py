"""The `omega` command as a person uses it: a process of its own, a run directory of its own, ports nobody else has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from bus import Bus, BusSettings, Federation
from omega.home import Home
from omega.state import running

FREE_DOORS = ("--door", "code_analyzer=0", "--door", "data_validator=0", "--door", "image_service=0")
FREE_PORTS = ("--port", "0", "--nats-port", "0", *FREE_DOORS)
COMMAND_TIMEOUT_S = 150.0

WEATHER = '''
"""A member as a newcomer writes it."""

from omega import Context, Member

member = Member("weather", name="Weather", description="Forecasts.", version="1.2.0", tags=["forecast"])


@member.tool
async def forecast(city: str, days: int = 1) -> dict[str, str | int]:
    """Tell the weather."""
    return {"city": city, "days": days, "sky": "blue"}


@member.tool
async def count(to: int, ctx: Context) -> dict[str, int]:
    """Count, telling how far it is."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, "counting")
    return {"counted": to}
'''


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Omega:
    """The command, with one run directory. `weather:member` is a member in its working directory."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.directory = directory
        (directory / "weather.py").write_text(WEATHER)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "OMEGA_HOME": str(self.home)}

    def __call__(self, *words: str, stdin: str = "") -> Ended:
        """Run `omega words…` to its end."""
        ran = subprocess.run(
            [sys.executable, "-m", "omega", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            cwd=self.directory,
            env=self.environment,
        )
        return Ended(ran.returncode, ran.stdout, ran.stderr)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start `omega words…` and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "omega", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.directory,
            env=self.environment,
        )

    @contextmanager
    def up(self, *words: str) -> Iterator[Ended]:
        """A federation in the background for the length of the block; nothing of it is left after."""
        try:
            yield self("up", "-d", *FREE_PORTS, *words)
        finally:
            self("down")
            self.kill_all()

    @property
    def state(self) -> dict[str, Any]:
        """What `omega status --json` says of a run that goes on, without a process of its own for each look."""
        said = running(Home(self.home).state_file)
        assert said is not None, "nothing is up"
        return asdict(said) | {"ready": said.ready}

    @property
    def ready(self) -> bool:
        """Whether `omega status` would say that all is well."""
        said = running(Home(self.home).state_file)
        return said is not None and said.ready

    @property
    def processes(self) -> dict[str, dict[str, Any]]:
        """The processes of `status`, by name."""
        return {process["name"]: process for process in self.state["processes"]}

    def alive(self) -> list[psutil.Process]:
        """Every process that was started with this run directory."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def kill_all(self) -> None:
        for process in self.alive():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("OMEGA_HOME") == str(self.home)
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False


@asynccontextmanager
async def client_of(omega: Omega) -> AsyncIterator[Federation]:
    """A client that stays connected while the federation's processes die around it."""
    settings = BusSettings(
        nats_url=omega.state["nats_url"], trust=omega.home / "trust", ping_interval_s=1, max_backoff_s=0.2
    )
    bus = await Bus.connect(settings, name="test")
    try:
        yield Federation(bus)
    finally:
        await bus.close()
