"""The way of a write inside nats-server, as the kernel sees it: into which file, when that was synced, when it was
acknowledged. Read from `strace`; without it nothing can be said.

`python -m tests.chaos.write_path [--writes 20]` shows it for one server and for a cluster of three.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bus import Bus, BusSettings
from bus.kv import Bucket, Write
from bus.logs import configure_logs
from bus.streams import prepare
from omega.embedded import ServerPlan, system_login
from omega.ports import free_port
from tests.chaos.process import end_on_sigterm
from tests.support.cluster import HOST, NatsCluster, NatsNode

ATTACHED_WITHIN_S = 20.0
CALLS = "trace=write,writev,pwrite64,pwritev,fsync,fdatasync"

_CALL = re.compile(r"^(?P<pid>\d+)\s+(?P<at>\d+\.\d+) (?P<name>\w+)\((?P<fd>\d+)<(?P<file>[^>]*)>(?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+)\s+(?P<at>\d+\.\d+) <\.\.\. \w+ resumed>")
_TOOK = re.compile(r"= \d+ <(?P<took>\d+\.\d+)>$")
_ACKNOWLEDGED = re.compile(r'\\"seq\\":(\d+)')


@dataclass(frozen=True, slots=True)
class Syscall:
    """One system call. Seconds since 1970."""

    name: str
    file: str
    """Path or socket it was made on."""
    shown: str
    """Its arguments, as strace shows them."""
    began: float
    ended: float

    @property
    def syncs(self) -> bool:
        return self.name in ("fsync", "fdatasync")


@dataclass(frozen=True, slots=True)
class Way:
    """What became of one write. Seconds since 1970; None: never seen."""

    marker: str
    synced: tuple[float | None, ...]
    """When the file that it went into was first synced afterwards, by server."""
    acknowledged: float | None
    """When its acknowledgement was handed to the socket."""

    def synced_before(self) -> int:
        """On how many servers it was on disk when it was acknowledged."""
        assert self.acknowledged is not None
        return sum(at is not None and at < self.acknowledged for at in self.synced)


def read_trace(lines: Iterable[str]) -> list[Syscall]:
    """The calls of an `strace -f -ttt -T -y`, in the order in which they began."""
    found: list[Syscall] = []
    open_calls: dict[str, tuple[int, Syscall]] = {}
    for line in lines:
        if (resumed := _RESUMED.match(line)) is not None:
            waiting = open_calls.pop(resumed["pid"], None)
            if waiting is not None:
                index, call = waiting
                found[index] = Syscall(call.name, call.file, call.shown, call.began, float(resumed["at"]))
        elif (called := _CALL.match(line)) is not None:
            began, took = float(called["at"]), _TOOK.search(line)
            ended = began + float(took["took"]) if took else float("inf")
            call = Syscall(called["name"], called["file"], called["rest"], began, ended)
            if took is None and "unfinished" in line:
                open_calls[called["pid"]] = (len(found), call)
            found.append(call)
    return found


def follow(markers: Mapping[str, int], traces: Sequence[Sequence[Syscall]]) -> list[Way]:
    """What became of each write, given the revision it was acknowledged with."""
    acknowledged = dict(_acknowledgements(traces))
    return [
        Way(marker, tuple(_synced(marker, trace) for trace in traces), acknowledged.get(revision))
        for marker, revision in markers.items()
    ]


def _synced(marker: str, trace: Sequence[Syscall]) -> float | None:
    """When the first sync ended that began after the marker was written into that file."""
    ends = []
    for write in trace:
        if not write.syncs and write.file.endswith(".blk") and marker in write.shown:
            ends += [one.ended for one in trace if one.syncs and one.file == write.file and one.began >= write.ended][
                :1
            ]
    return min(ends, default=None)


def _acknowledgements(traces: Sequence[Sequence[Syscall]]) -> Iterator[tuple[int, float]]:
    """Revision and the earliest time at which any socket was given it."""
    found: dict[int, float] = {}
    for trace in traces:
        for call in trace:
            if call.syncs or not call.file.startswith(("socket:", "TCP:")) or "stream" not in call.shown:
                continue
            for number in _ACKNOWLEDGED.findall(call.shown):
                found[int(number)] = min(call.began, found.get(int(number), float("inf")))
    yield from found.items()


def why_not() -> str | None:
    """Why nothing can be traced here; None: it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()[:200]}"


@contextmanager
def traced(pid: int, file: Path) -> Iterator[None]:
    """`strace` on every thread of a process, from its first call in the block to its last. Raises TimeoutError."""
    command = ["strace", "-f", "-ttt", "-T", "-y", "-s", "4096", "-e", CALLS, "-o", str(file), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        try:
            _wait_attached(pid)
            yield
        finally:
            with suppress(ProcessLookupError):
                tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=ATTACHED_WITHIN_S)


def _wait_attached(pid: int) -> None:
    give_up = time.monotonic() + ATTACHED_WITHIN_S
    while not all(_tracer_of(thread) for thread in Path(f"/proc/{pid}/task").iterdir()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"strace did not attach to {pid} within {ATTACHED_WITHIN_S:g} s")
        time.sleep(0.02)


def _tracer_of(thread: Path) -> bool:
    status = (thread / "status").read_text()
    return "TracerPid:\t0\n" not in status


async def trace_writes(nodes: Sequence[NatsNode], settings: BusSettings, writes: int, logs: Path) -> list[Way]:
    """Make so many writes to the registry one after the other, traced on every node."""
    bus = await Bus.connect(settings, name="write-path")
    try:
        await prepare(bus)
        bucket = Bucket(bus, settings.bucket)
        files = [logs / f"trace-{number}.txt" for number in range(len(nodes))]
        markers = {}
        with ExitStack() as stack:
            for node, file in zip(nodes, files, strict=True):
                await asyncio.to_thread(stack.enter_context, traced(node.pid, file))
            for number in range(writes):
                marker = f"marked-{number:05}-"
                markers[marker] = await bucket.put(Write(f"traced.w{number}", f'{{"m": "{marker}"}}'.encode(), 0))
        return follow(markers, [read_trace(file.read_text(errors="replace").splitlines()) for file in files])
    finally:
        await bus.close()


async def of_one_server(directory: Path, writes: int, *, synced: bool = True) -> list[Way]:
    """One server as `omega up` configures it; without `synced` as nats-server does by itself."""
    login = system_login(directory / "login.json")
    node = NatsNode(ServerPlan(free_port(HOST), directory / "store", login))
    if not synced:
        node.edit = lambda text: text.replace("sync_interval: always", "")
    node.start()
    try:
        return await trace_writes([node], BusSettings(nats_url=node.url, connect_timeout_s=30), writes, directory)
    finally:
        node.kill()


async def of_a_cluster(directory: Path, writes: int) -> list[Way]:
    """Three servers, three copies."""
    cluster = NatsCluster(directory / "cluster")
    try:
        await asyncio.to_thread(cluster.start)
        settings = BusSettings(nats_url=cluster.url, replicas=3, connect_timeout_s=30)
        return await trace_writes(cluster.nodes, settings, writes, directory)
    finally:
        cluster.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.write_path")
    parser.add_argument("--writes", type=int, default=20)
    writes = parser.parse_args().writes
    if (reason := why_not()) is not None:
        sys.stderr.write(f"{reason}\n")
        return 1
    configure_logs("error", json=False)
    with tempfile.TemporaryDirectory(prefix="omega-write-path-") as directory:
        asyncio.run(_shown(directory, writes))
    return 0


async def _shown(directory: str, writes: int) -> None:
    end_on_sigterm()
    _tell("one server", await of_one_server(_below(directory, "one"), writes))
    _tell("three servers", await of_a_cluster(_below(directory, "three"), writes))
    _tell("one server, not told to sync", await of_one_server(_below(directory, "not"), writes, synced=False))


def _below(directory: str, name: str) -> Path:
    path = Path(directory) / name
    path.mkdir()
    return path


def _tell(name: str, paths: Sequence[Way]) -> None:
    seen = [path for path in paths if path.acknowledged is not None]
    on = sorted(path.synced_before() for path in seen)
    least = on[0] if on else "–"
    sys.stdout.write(
        f"{name}: {len(seen)} of {len(paths)} acknowledgements seen; synced before it on {least} or more\n"
    )


if __name__ == "__main__":
    sys.exit(main())
