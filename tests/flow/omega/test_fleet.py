"""The supervisor with real processes: order, readiness, restarts, ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from omega.handshake import RUN_ID, Exit
from omega.state import Phase, ProcessState
from omega.supervisor import Absent, ChildSpec, Fleet, RestartPolicy
from omega.supervisor.child import Child
from omega.supervisor.fleet import StartFailed
from omega.supervisor.orphans import end_orphans
from omega.supervisor.probes import announced
from tests.support.nats import until

QUICK = RestartPolicy(first_s=0.02, longest_s=0.2, stable_s=60.0)
READY = "import os, signal, sys, time; os.write(int(os.environ['OMEGA_READY_FD']), b'ready\\n')"
SLEEP = f"{READY}; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = f"import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); {SLEEP}"


async def at_once(_: Child) -> None:
    """Ready as soon as it lives."""


def python(name: str, code: str, *, stage: int = 0, **more: object) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", code), stage, **{"ready": announced, **more})  # type: ignore[arg-type] # of a test's own making


@dataclass
class Ear:
    """Keeps everything the fleet tells."""

    story: list[tuple[str, Phase]] = field(default_factory=list)
    output: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, ProcessState] = field(default_factory=dict)

    def changed(self, processes: Sequence[ProcessState]) -> None:
        for process in processes:
            before = self.states.get(process.name)
            if before is None or before.phase is not process.phase:
                self.story.append((process.name, process.phase))
            self.states[process.name] = process

    def said(self, process: str, data: bytes) -> None:
        self.output[process] = self.output.get(process, b"") + data

    def is_ready(self, *names: str) -> Callable[[], bool]:
        return lambda: all(name in self.states and self.states[name].phase is Phase.READY for name in names)


@dataclass
class Running:
    fleet: Fleet
    ear: Ear
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.fleet.stop()
        async with asyncio.timeout(20):
            await self.task


@pytest.fixture
def ear() -> Ear:
    return Ear()


def fleet_of(specs: Sequence[ChildSpec | Absent], directory: Path, ear: Ear) -> Fleet:
    environment = {**os.environ, RUN_ID: directory.name}
    logs = directory / "logs"
    logs.mkdir(exist_ok=True)
    return Fleet(
        specs, environment=environment, log_path=lambda name: logs / f"{name}.log", listeners=[ear], policy=QUICK
    )


@asynccontextmanager
async def running(directory: Path, ear: Ear, *specs: ChildSpec | Absent) -> AsyncIterator[Running]:
    """A fleet for the length of the block."""
    fleet = fleet_of(specs, directory, ear)
    run = Running(fleet, ear, asyncio.create_task(fleet.run()))
    try:
        yield run
    finally:
        await run.end()


async def test_a_stage_starts_when_the_one_before_is_ready(tmp_path: Path, ear: Ear) -> None:
    slow = f"import time; time.sleep(0.3); {SLEEP}"
    async with running(tmp_path, ear, python("late", SLEEP, stage=1), python("early", slow, stage=0)):
        await until(ear.is_ready("late", "early"), within=10)
    assert ear.story.index(("early", Phase.READY)) < ear.story.index(("late", Phase.STARTING))


async def test_everything_ends_in_reverse_and_one_stage_after_the_other(tmp_path: Path, ear: Ear) -> None:
    async with running(tmp_path, ear, python("a", SLEEP, stage=0), python("b", SLEEP, stage=1)):
        await until(ear.is_ready("a", "b"), within=10)
    assert ear.story.index(("b", Phase.STOPPED)) < ear.story.index(("a", Phase.STOPPING))
    assert {state.phase for state in ear.states.values()} == {Phase.STOPPED}


async def test_a_killed_process_is_started_again(tmp_path: Path, ear: Ear) -> None:
    async with running(tmp_path, ear, python("a", SLEEP)):
        await until(ear.is_ready("a"), within=10)
        first = ear.states["a"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: ear.states["a"].restarts == 1 and ear.is_ready("a")(), within=10)
        assert ear.states["a"].pid != first
        assert ear.states["a"].detail == "last end: killed by signal 9"


async def test_a_process_that_ends_at_once_is_tried_again_and_again(tmp_path: Path, ear: Ear) -> None:
    async with running(tmp_path, ear, python("a", "raise SystemExit(1)")):
        await until(lambda: ear.states.get("a", ProcessState("a")).restarts >= 3, within=10)


async def test_one_that_never_gets_ready_does_not_keep_the_others_from_starting(tmp_path: Path, ear: Ear) -> None:
    mute = python("mute", "import time; time.sleep(60)", stage=0, ready_timeout_s=0.3)
    async with running(tmp_path, ear, mute, python("other", SLEEP, stage=1)):
        await until(ear.is_ready("other"), within=10)
        await until(lambda: ear.states["mute"].restarts >= 1, within=10)
    assert ("mute", Phase.RESTARTING) in ear.story


async def test_a_start_without_an_essential_process_is_called_off(tmp_path: Path, ear: Ear) -> None:
    broken = python("nats", "raise SystemExit(1)", stage=0, essential=True)
    with pytest.raises(StartFailed, match="nats could not be started: exit 1"):
        await fleet_of([broken, python("later", SLEEP, stage=1)], tmp_path, ear).run()
    assert ("later", Phase.STARTING) not in ear.story


async def test_a_process_whose_settings_are_refused_is_left_alone(tmp_path: Path, ear: Ear) -> None:
    refused = python("refused", f"print('omega: --port: what?'); raise SystemExit({int(Exit.USAGE)})")
    async with running(tmp_path, ear, refused, python("other", SLEEP, stage=1)):
        await until(ear.is_ready("other"), within=10)
        assert ear.states["refused"].phase is Phase.FAILED
        assert ear.states["refused"].detail == "its settings were refused: --port: what?"


async def test_a_command_that_is_not_there_is_told_as_such(tmp_path: Path, ear: Ear) -> None:
    spec = ChildSpec("gone", ("/no/such/command",), 0, at_once)
    async with running(tmp_path, ear, spec):
        await until(lambda: b"cannot run /no/such/command" in ear.output.get("gone", b""), within=10)


async def test_an_absent_one_is_shown_and_stops_nothing(tmp_path: Path, ear: Ear) -> None:
    async with running(tmp_path, ear, Absent("image", "pip install it"), python("a", SLEEP)):
        await until(ear.is_ready("a"), within=10)
    assert (ear.states["image"].phase, ear.states["image"].detail) == (Phase.NOT_INSTALLED, "pip install it")


async def test_one_that_does_not_hear_sigterm_is_killed(tmp_path: Path, ear: Ear) -> None:
    async with running(tmp_path, ear, python("a", STUBBORN, stop_timeout_s=0.3)):
        await until(ear.is_ready("a"), within=10)
        pid = ear.states["a"].pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_second_stop_does_not_wait(tmp_path: Path, ear: Ear) -> None:
    async with running(tmp_path, ear, python("a", STUBBORN, stop_timeout_s=600.0)) as run:
        await until(ear.is_ready("a"), within=10)
        run.fleet.stop()
        await until(lambda: ear.states["a"].phase is Phase.STOPPING, within=5)
        async with asyncio.timeout(5):
            await run.end()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_process_started_ends_with_it(tmp_path: Path, ear: Ear, how: signal.Signals) -> None:
    async with running(tmp_path, ear, python("a", PARENT)):
        await until(ear.is_ready("a"), within=10)
        await until(lambda: ear.output.get("a"), within=5)
        grandchild, pid = int(ear.output["a"].split()[0]), ear.states["a"].pid
        assert pid is not None
        os.kill(pid, how)
        await until(lambda: _gone(grandchild), within=5)


async def test_output_goes_to_a_file_of_its_own(tmp_path: Path, ear: Ear) -> None:
    talk = f"import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr); {SLEEP}"
    async with running(tmp_path, ear, python("a", talk)):
        await until(ear.is_ready("a"), within=10)
        await until(lambda: ear.output.get("a", b"").count(b"\n") == 2, within=5)
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"to stdout\nto stderr\n"


async def test_stopping_in_the_middle_of_a_start_ends_what_was_started(tmp_path: Path, ear: Ear) -> None:
    mute = python("mute", "import time; time.sleep(60)", stage=0)
    async with running(tmp_path, ear, mute, python("later", SLEEP, stage=1)):
        await until(lambda: ear.states.get("mute", ProcessState("mute")).phase is Phase.STARTING, within=5)
    assert ear.states["mute"].phase is Phase.STOPPED
    assert ("later", Phase.STARTING) not in ear.story


async def test_orphans_of_a_run_are_found_by_its_mark_and_others_left_alone() -> None:
    ours, theirs = _orphan("run-a"), _orphan("run-b")
    try:
        assert await asyncio.to_thread(end_orphans, "run-a") == 1
        await until(lambda: _gone(ours), within=5)
        assert not _gone(theirs)
    finally:
        os.kill(theirs, signal.SIGKILL)


def _orphan(run_id: str) -> int:
    """The pid of a process whose parent is gone."""
    shell = ["sh", "-c", "sleep 60 >/dev/null & echo $!"]
    return int(subprocess.check_output(shell, env={**os.environ, RUN_ID: run_id}))


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
