"""Run a soak: start the processes, keep up the load, read the censuses, draw the picture, say what grew."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import psutil

from tests.soak.census import Series, grown
from tests.soak.load import Load
from tests.soak.plot import drawn
from tests.soak.roles import EVERY_S
from tests.support.nats import CONFIG, NatsServer

GROUPS = 4
"""Processes that the members are spread over."""
PICTURE = Path(__file__).parent.parent.parent / "docs" / "images" / "soak.svg"


class Stage:
    """The processes of one run."""

    def __init__(self, folder: Path, members: int) -> None:
        self.started = time.time()
        self._folder = folder
        self._members = members
        self._processes: list[subprocess.Popen[str]] = []
        nats_folder = folder / "nats"
        nats_folder.mkdir()
        self.nats = NatsServer(nats_folder, config=CONFIG + 'http: "127.0.0.1:-1"\n')
        self._monitor = ""
        self.port = 0

    def start(self) -> None:
        """Start everything; returns when all are ready. Raises RuntimeError for a process that ends before."""
        self.nats.start()
        nats_folder = self._folder / "nats"
        told = json.loads((nats_folder / f"nats-server_{self.nats.pid}.ports").read_text())
        self._monitor = told["monitoring"][0]
        self._start("directory")
        self._start("directory", name="directory 2")
        self.port = self._start("gateway")
        for group in range(GROUPS):
            each = self._members // GROUPS
            self._start("members", str(each), str(group * each), name=f"members {group + 1}")

    def _start(self, role: str, *arguments: str, name: str = "") -> int:
        census = self._folder / f"{name or role}.census"
        command = [sys.executable, "-m", "tests.soak.roles", role, self.nats.url, str(census), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        port = 0
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("port "):
                port = int(line.split()[1])
            if line.strip() == "ready":
                return port
        raise RuntimeError(f"{name or role} ended before it was ready")

    def end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
        self.nats.stop()

    async def watch_the_server(self) -> None:
        """Write down what the server holds, until cancelled."""
        process = psutil.Process(self.nats.pid)
        file = self._folder / "nats-server.census"
        async with aiohttp.ClientSession(self._monitor) as client:
            with file.open("a", encoding="utf-8") as lines:
                while True:
                    said, streams = await _told(client, "/varz"), await _told(client, "/jsz")
                    held = {"rss": process.memory_info().rss, "fds": process.num_fds()}
                    held |= {figure: said[figure] for figure in ("connections", "subscriptions")}
                    lines.write(json.dumps({"at": time.time(), **held, "consumers": streams["consumers"]}) + "\n")
                    lines.flush()
                    await asyncio.sleep(EVERY_S)

    def series(self) -> list[Series]:
        """Everything that was written down."""
        found: list[Series] = []
        for file in sorted(self._folder.glob("*.census")):
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            for figure in [name for name in lines[0] if name != "at"]:
                points = [((line["at"] - self.started) / 60, float(line[figure])) for line in lines]
                found.append(Series(file.stem, figure, points))
        return found


async def _told(client: aiohttp.ClientSession, path: str) -> dict[str, int]:
    """What the server's monitoring port says."""
    async with client.get(path) as answer:
        said: dict[str, int] = await answer.json()
        return said


@contextmanager
def staged(members: int) -> Iterator[Stage]:
    """The processes, ended afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), members)
        try:
            stage.start()
            yield stage
        finally:
            stage.end()


async def soak(stage: Stage, minutes: float, members: int) -> Load:
    """Load for so long."""
    load = Load(f"http://127.0.0.1:{stage.port}", members)
    with suppress(TimeoutError):
        async with asyncio.timeout(minutes * 60), asyncio.TaskGroup() as group:
            group.create_task(load.run())
            group.create_task(stage.watch_the_server())
    return load


def table(series: list[Series]) -> str:
    """Early and late, for every figure."""
    rows = [
        f"| {one.process} | {one.figure} | {one.early:,.0f} | {one.late:,.0f} | {one.growth:+.1%} |" for one in series
    ]
    return "\n".join(["| process | figure | early | late | growth |", "|---|---|---|---|---|", *rows])


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    reader.add_argument("--minutes", type=float, default=60.0)
    reader.add_argument("--members", type=int, default=2_000)
    reader.add_argument("--picture", type=Path, default=PICTURE)
    asked = reader.parse_args()
    with staged(asked.members) as stage:
        load = asyncio.run(soak(stage, asked.minutes, asked.members))
        series = stage.series()
    asked.picture.write_text(drawn(series))
    sys.stdout.write(f"{table(series)}\n\n{dict(sorted(load.outcomes.items()))}\n")
    for one in grown(series):
        sys.stdout.write(f"GREW: {one.process}, {one.figure}: {one.early:,.0f} -> {one.late:,.0f}\n")
    return 1 if grown(series) else 0


if __name__ == "__main__":
    sys.exit(main())
