"""All processes together: started stage by stage, watched, ended in reverse."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from omega.state import Phase, ProcessState
from omega.supervisor.backoff import RestartPolicy
from omega.supervisor.keeper import Keeper
from omega.supervisor.logfile import LogFile
from omega.supervisor.spec import Absent, ChildSpec
from omega.supervisor.starting import Start, execute
from omega.trouble import CannotStart
from omega.waiting import all_of, first_of


class Listener(Protocol):
    """Who is told what happens: the state file, the live view."""

    def changed(self, processes: Sequence[ProcessState]) -> None:
        """Some process is in another phase than before."""

    def said(self, process: str, data: bytes) -> None:
        """A process wrote to its output; any piece of it, not whole lines."""


class StartFailed(CannotStart):
    """An essential process did not become ready; everything has been ended again."""

    def __init__(self, process: ProcessState) -> None:
        self.process = process
        super().__init__(f"{process.name} could not be started: {process.detail or process.phase}")


class Fleet:
    """The processes of one run. `run` once."""

    def __init__(
        self,
        specs: Sequence[ChildSpec | Absent],
        *,
        environment: Mapping[str, str],
        log_path: Callable[[str], Path],
        listeners: Sequence[Listener] = (),
        policy: RestartPolicy | None = None,
        start: Start = execute,
    ) -> None:
        self._listeners = listeners
        self._environment = environment
        self._policy = policy or RestartPolicy()
        self._start = start
        self._logs = {spec.name: LogFile(log_path(spec.name)) for spec in specs if isinstance(spec, ChildSpec)}
        self._seats = [self._seat(spec) for spec in specs]
        self._stop = asyncio.Event()

    @property
    def processes(self) -> tuple[ProcessState, ...]:
        """Every process, in the order of the specs."""
        return tuple(seat.state if isinstance(seat, Keeper) else seat for seat in self._seats)

    def stop(self) -> None:
        """Let `run` end everything in order and return. A second time: kill what is left."""
        if self._stop.is_set():
            for keeper in self._keepers():
                keeper.kill()
        self._stop.set()

    async def run(self) -> None:
        """Start all, keep them alive until `stop`, end all. Raises StartFailed."""
        self._tell_changed()
        failed: ProcessState | None = None
        async with asyncio.TaskGroup() as group:
            try:
                failed = await self._start_all(group)
                if failed is None:
                    await self._stop.wait()
            finally:
                await self._end_all()
        if failed is not None:
            raise StartFailed(failed)

    async def _start_all(self, group: asyncio.TaskGroup) -> ProcessState | None:
        """Start stage after stage. Returns the essential process that kept the later ones from being started."""
        for stage in self._stages():
            for keeper in stage:
                group.create_task(keeper.run(), name=keeper.spec.name)
            await first_of(all_of(*(keeper.answered for keeper in stage)), self._stop.wait())
            if self._stop.is_set():
                return None
            if missing := _missing(stage):
                return missing
        return None

    async def _end_all(self) -> None:
        for stage in reversed(self._stages()):
            for keeper in stage:
                keeper.stop()
            await all_of(*(keeper.gone for keeper in stage))
        for log in self._logs.values():
            log.close()

    def _stages(self) -> list[list[Keeper]]:
        stages: dict[int, list[Keeper]] = defaultdict(list)
        for keeper in self._keepers():
            stages[keeper.spec.stage].append(keeper)
        return [stages[number] for number in sorted(stages)]

    def _keepers(self) -> list[Keeper]:
        return [seat for seat in self._seats if isinstance(seat, Keeper)]

    def _seat(self, spec: ChildSpec | Absent) -> Keeper | ProcessState:
        if isinstance(spec, Absent):
            return ProcessState(spec.name, Phase.NOT_INSTALLED, detail=spec.detail)
        return Keeper(
            spec,
            policy=self._policy,
            environment=self._environment,
            sink=lambda data: self._tell_said(spec.name, data),
            changed=self._tell_changed,
            start=self._start,
        )

    def _tell_changed(self) -> None:
        for listener in self._listeners:
            listener.changed(self.processes)

    def _tell_said(self, process: str, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk costs the log, not the process
            self._logs[process].write(data)
        for listener in self._listeners:
            listener.said(process, data)


def _missing(stage: Sequence[Keeper]) -> ProcessState | None:
    absent = (keeper.state for keeper in stage if keeper.spec.essential and keeper.state.phase is not Phase.READY)
    return next(absent, None)
