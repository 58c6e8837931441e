"""Processes that one process became: as if each had been started by itself, only sooner."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from omega.handshake import Exit
from omega.supervisor.child import Child
from omega.supervisor.forking import client, forking
from omega.supervisor.forking.loaded import COARSE_NS, Loaded
from omega.supervisor.starting import Start
from tests.support.nats import NatsServer, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")

OMEGA = (sys.executable, "-m", "omega")
SERVER = "omega.supervisor.forking.server"


@dataclass
class Life:
    """A process of a test, and what it said."""

    child: Child
    parts: list[bytes]

    @property
    def said(self) -> str:
        return b"".join(self.parts).decode()

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.child.pid)

    async def ready(self) -> Life:
        async with asyncio.timeout(30):
            await self.child.announced.wait()
        return self

    async def ended(self) -> Life:
        async with asyncio.timeout(30):
            await self.child.ended.wait()
        return self


@dataclass
class Nursery:
    """What starts the processes of a test."""

    start: Start
    lives: list[Life] = field(default_factory=list)

    async def begin(self, *command: str, **environment: str) -> Life:
        parts: list[bytes] = []
        child = await Child.spawn(command, {**os.environ, **environment}, parts.append, self.start)
        self.lives.append(Life(child, parts))
        return self.lives[-1]

    async def omega(self, *words: str, **environment: str) -> Life:
        return await self.begin(*OMEGA, *words, **environment)

    async def directory(self, nats: NatsServer) -> Life:
        return await (await self.omega("directory", OMEGA_NATS_URL=nats.url)).ready()


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    async with forking(os.environ, tmp_path / "forking.log") as start:
        nursery = Nursery(start)
        yield nursery
        for life in nursery.lives:
            life.child.kill()
            await life.ended()
    assert not _servers()
    assert (tmp_path / "forking.log").read_text() == ""


def _servers() -> list[psutil.Process]:
    """The fork servers of this process."""
    return [child for child in psutil.Process().children() if SERVER in child.cmdline()]


async def _server() -> psutil.Process:
    """The one there is; while it becomes what it is, it has no command line."""
    await until(lambda: len(_servers()) == 1)
    return _servers()[0]


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_command_runs_says_its_words_and_ends_with_its_code(nursery: Nursery) -> None:
    good, bad = await nursery.omega("--version"), await nursery.omega("no-such-command")
    assert ((await good.ended()).child.code, good.said.strip()) == (Exit.OK, "0.1.0")
    assert (await bad.ended()).child.code == Exit.USAGE
    assert "no-such-command" in bad.said
    assert good.child.pid != bad.child.pid


async def test_it_has_a_session_a_name_and_an_environment_of_its_own(nursery: Nursery, nats_server: NatsServer) -> None:
    life = await nursery.directory(nats_server)
    server = await _server()
    assert life.process.ppid() == server.pid
    assert (os.getsid(life.child.pid), os.getpgid(life.child.pid)) == (life.child.pid, life.child.pid)
    assert life.process.cmdline()[0] == "omega directory"
    assert life.process.name() == "omega directory"
    assert "directory_ready" in life.said


async def test_it_holds_nothing_that_belongs_to_others(nursery: Nursery, nats_server: NatsServer) -> None:
    first, second = await nursery.directory(nats_server), await nursery.directory(nats_server)
    server = await _server()
    held = [_channels(pid) for pid in (server.pid, first.child.pid, second.child.pid)]
    assert all(held)
    assert not (held[0] & held[1] or held[0] & held[2] or held[1] & held[2])


def _channels(pid: int) -> set[str]:
    """The sockets and pipes of a process."""
    held = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    return {each for each in held if each.startswith(("socket:", "pipe:"))}


@pytest.mark.parametrize(("with_signal", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
async def test_how_it_ended_is_known(
    nursery: Nursery, nats_server: NatsServer, with_signal: signal.Signals, code: int
) -> None:
    life = await nursery.directory(nats_server)
    os.kill(life.child.pid, with_signal)
    assert (await life.ended()).child.code == code


async def test_one_that_is_asked_to_end_ends(nursery: Nursery, nats_server: NatsServer) -> None:
    life = await nursery.directory(nats_server)
    async with asyncio.timeout(10):
        await life.child.end(8)
    assert life.child.code == Exit.OK


async def test_a_command_of_somebody_else_is_not_forked(nursery: Nursery) -> None:
    life = await nursery.begin(sys.executable, "-c", "import os; print(os.getppid())")
    assert int((await life.ended()).said) == os.getpid()


async def test_the_fork_server_has_one_thread(nursery: Nursery) -> None:
    await (await nursery.omega("--version")).ended()
    server = await _server()
    assert server.num_threads() == 1


async def test_forks_do_not_throw_the_same_dice(tmp_path: Path) -> None:
    (tmp_path / "dice.py").write_text("import random; print(random.random())")
    async with forking({**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path / "forking.log") as start:
        nursery = Nursery(start)
        thrown = {(await (await nursery.omega("member", "dice:none")).ended()).said.split()[0] for _ in range(3)}
    assert len(thrown) == 3


async def test_what_it_became_dies_with_the_fork_server_and_the_next_is_forked_again(
    nursery: Nursery, nats_server: NatsServer
) -> None:
    life = await nursery.directory(nats_server)
    server = await _server()
    server.kill()
    assert (await life.ended()).child.code == -signal.SIGKILL
    await until(lambda: _gone(life.child.pid), within=5)
    again = await nursery.directory(nats_server)
    assert again.process.ppid() != server.pid


async def test_what_a_forked_process_started_dies_with_the_fork_server_too(tmp_path: Path) -> None:
    child = "subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); time.sleep(60)"
    (tmp_path / "parent.py").write_text(f"import subprocess, time; child = {child}")
    async with forking({**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path / "forking.log") as start:
        life = await Nursery(start).omega("member", "parent:none")
        await until(lambda: life.said.endswith("\n"))
        server = await _server()
        server.kill()
        await life.ended()
        await until(lambda: _gone(int(life.said)), within=5)


async def test_a_fork_server_that_dies_before_it_answers_costs_a_start_from_scratch(nursery: Nursery) -> None:
    server = await _server()
    server.suspend()
    begun = asyncio.create_task(nursery.omega("--version"))
    await asyncio.sleep(0)
    server.kill()
    life = await begun
    assert (await life.ended()).said.strip() == "0.1.0"


async def test_files_that_changed_are_loaded_anew_and_what_runs_goes_on(
    tmp_path: Path, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "sitecustomize.py"
    library.write_text("WORD = 'before'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with forking(os.environ, tmp_path / "forking.log") as start:
        nursery = Nursery(start)
        before = await nursery.directory(nats_server)
        old = before.process.ppid()
        library.write_text("WORD = 'after, and longer'\n")
        await until(lambda: time.time_ns() > library.stat().st_ctime_ns + 2 * COARSE_NS)
        after = await nursery.directory(nats_server)
        assert after.process.ppid() != old
        assert before.process.is_running()
        before.child.kill()
        await before.ended()
        await until(lambda: _gone(old), within=5)
        assert (await nursery.directory(nats_server)).process.ppid() == after.process.ppid()


async def test_a_signal_to_all_is_for_each_process_and_not_for_the_fork_server(
    nursery: Nursery, nats_server: NatsServer
) -> None:
    life = await nursery.directory(nats_server)
    server = await _server()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        server.send_signal(number)
    life.process.send_signal(signal.SIGTERM)
    assert (await life.ended()).child.code == Exit.OK
    assert server.is_running()
    assert server.status() != psutil.STATUS_ZOMBIE


async def test_one_that_is_killed_as_soon_as_it_is_there_is_killed(nursery: Nursery, nats_server: NatsServer) -> None:
    for _ in range(20):
        life = await nursery.omega("directory", OMEGA_NATS_URL=nats_server.url)
        life.child.kill()
        assert (await life.ended()).child.code == -signal.SIGKILL


async def test_a_fork_server_that_does_not_answer_costs_a_wait_and_the_next_start_none(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.2)
    server = await _server()
    server.suspend()
    for _ in range(2):
        assert (await (await nursery.omega("--version")).ended()).said.strip() == "0.1.0"
    await until(lambda: _servers() == [], within=5)  # it never forked anything: no other is tried for a while


async def test_what_is_loading_does_not_hold_up_an_end(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(60)")
    slow = {**os.environ, "PYTHONPATH": str(tmp_path)}
    async with asyncio.timeout(10):
        async with forking(slow, tmp_path / "forking.log") as start:
            starting = asyncio.create_task(Nursery(start).omega("--version"))
            await until(lambda: len(_servers()) == 1)
            starting.cancel()


async def test_a_word_of_another_version_is_an_end_and_no_hang(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def foreign(_: bytes) -> None:
        raise ValueError("not a word of this version")

    monkeypatch.setattr(client, "read", foreign)
    assert (await (await nursery.omega("--version")).ended()).said.strip() == "0.1.0"


async def test_everything_forked_ends_with_the_block(tmp_path: Path, nats_server: NatsServer) -> None:
    async with forking(os.environ, tmp_path / "forking.log") as start:
        life = await Nursery(start).directory(nats_server)
    await until(lambda: _gone(life.child.pid), within=5)


def test_a_file_is_known_to_have_changed_by_any_write_or_its_absence(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    for file in (one, other):
        file.write_text("x = 1")
    later = max(file.stat().st_ctime_ns for file in (one, other)) + 2 * COARSE_NS
    loaded = Loaded([str(one), str(other)], later)
    assert not loaded.changed()
    shutil.copyfile(one, tmp_path / "copy.py")
    (tmp_path / "copy.py").replace(other)
    assert loaded.changed()
    loaded = Loaded([str(one)], later)
    one.unlink()
    assert loaded.changed()


def test_a_file_that_was_written_while_it_was_read_counts_as_changed(tmp_path: Path) -> None:
    one = tmp_path / "one.py"
    one.write_text("x = 1")
    assert Loaded([str(one)], one.stat().st_ctime_ns).changed()
