"""What `up` shows of its processes: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from omega.cli.logline import LogLine, read_line, rendered
from omega.cli.tables import plain_table
from omega.cli.words import PHASE_STYLES, duration, shown
from omega.state import Phase, ProcessState

REFRESH_S = 0.5
RECENT = 200


@dataclass(frozen=True, slots=True)
class Headline:
    """What stands above the table."""

    gateway_url: str
    nats_url: str
    home: str
    listen: str = ""
    """The command that shows what goes over the bus; empty where it is not ours to know."""


def process_table(processes: Sequence[ProcessState], now: float, health: Mapping[str, str] | None = None) -> Table:
    """One row a process; `now` in Unix seconds, `health` what a probe of each said."""
    table = plain_table("PROCESS", "STATE", "PID", "RESTARTS", "UPTIME", *(["HEALTH"] if health else []), "WHERE")
    for column in table.columns[2:5]:
        column.justify = "right"
    for process in processes:
        table.add_row(*_row(process, now, health))
    return table


def change_line(process: ProcessState) -> str:
    """One process's new phase in one line."""
    pid = f", pid {process.pid}" if process.pid and process.phase in (Phase.STARTING, Phase.READY) else ""
    url = f", {process.url}" if process.url and process.phase is Phase.READY else ""
    detail = f": {process.detail}" if process.detail else ""
    return f"{process.name}: {process.phase}{pid}{url}{detail}"


class PlainView:
    """A line for every change, for logs and pipes."""

    def __init__(self, known: Sequence[ProcessState] = ()) -> None:
        self._before = {process.name: process for process in known}

    def changed(self, processes: Sequence[ProcessState]) -> None:
        """Print what is different from before."""
        for process in processes:
            if self._before.get(process.name) != process and process.phase is not Phase.WAITING:
                sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {change_line(process)}\n")
                sys.stdout.flush()
            self._before[process.name] = process

    def said(self, process: str, data: bytes) -> None:
        """Logs are in their files."""


class LiveView:
    """The table, and below it the newest lines of all logs, drawn again and again in place."""

    def __init__(self, console: Console, headline: Headline) -> None:
        self._headline = headline
        self._processes: Sequence[ProcessState] = ()
        self._recent: deque[LogLine] = deque(maxlen=RECENT)
        self._halves: dict[str, bytes] = {}
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def changed(self, processes: Sequence[ProcessState]) -> None:
        """Show it at the next drawing."""
        self._processes = processes

    def said(self, process: str, data: bytes) -> None:
        """Keep its newest whole lines."""
        *lines, half = (self._halves.get(process, b"") + data).split(b"\n")
        self._halves[process] = half[-4096:]
        read = (read_line(process, line.decode("utf-8", "replace")) for line in lines)
        self._recent.extend(line for line in read if _worth_a_look(line))

    @asynccontextmanager
    async def drawing(self) -> AsyncIterator[None]:
        """Draw for the length of the block."""
        with self._live:
            drawer = asyncio.create_task(self._draw())
            try:
                yield
            finally:
                drawer.cancel()

    async def _draw(self) -> None:
        while True:
            self._live.update(self.picture(time.time()), refresh=True)
            await asyncio.sleep(REFRESH_S)

    def picture(self, now: float) -> RenderableType:
        """What is drawn."""
        table = process_table(self._processes, now)
        room = max(3, self._console.height - len(self._processes) - 9)
        return Group(_head(self._headline), Text(), table, Text(), self._tail(room), Text(), _foot(self._processes))

    def _tail(self, room: int) -> RenderableType:
        width = max((len(process.name) for process in self._processes), default=0)
        lines = [rendered(replace(line, trace=""), width=width) for line in list(self._recent)[-room:]]
        for line in lines:
            line.truncate(self._console.width, overflow="ellipsis")
        return Group(*lines)


def _worth_a_look(line: LogLine) -> bool:
    """nats-server tells its whole configuration at every start; what matters of it are errors."""
    return bool(line.text) and (not line.process.startswith("nats") or line.level in ("error", "critical", ""))


def _head(headline: Headline) -> Text:
    return Text.assemble(
        ("OMEGA Federation", "bold"),
        ("   gateway ", "dim"),
        (headline.gateway_url, "underline"),
        ("   bus ", "dim"),
        headline.nats_url,
        ("   data ", "dim"),
        headline.home,
        (f"\n{headline.listen}" if headline.listen else "", "dim"),
    )


def _foot(processes: Sequence[ProcessState]) -> Text:
    if any(process.phase is Phase.STOPPING for process in processes):
        return Text("ending in order; Ctrl-C again kills what is left", style="dim")
    return Text("Ctrl-C ends everything   omega ls   omega logs -f   omega doctor", style="dim")


def _row(process: ProcessState, now: float, health: Mapping[str, str] | None) -> tuple[RenderableType, ...]:
    alive = process.pid is not None
    return (
        shown(process.name, "bold"),
        shown(process.phase, PHASE_STYLES[process.phase]),
        shown(process.pid or ""),
        shown(process.restarts or ""),
        shown(duration(now - process.since) if alive else ""),
        *([shown(health.get(process.name, ""))] if health else []),
        shown("  ".join(part for part in (process.url, process.detail) if part)),
    )
