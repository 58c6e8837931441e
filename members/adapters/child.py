"""A child process with its pipes: in a group of its own, ended with everything it started, its stderr in our logs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import PIPE, Process

import structlog

from members.adapters.processes import stopped
from members.adapters.targets import StdioTarget, Unusable
from members.sandbox.limits import UNLIMITED, Limits, restrained

MAX_LINE = 64 << 20
"""One message of a server. More is not JSON-RPC any more but a fault."""
MAX_LOGGED = 2_000
PATIENCE_S = 2.0
"""How long a child may take to end after its stdin closed, and again after SIGTERM."""
LOOK_EVERY_S = 0.01
LAST_WORDS_S = 0.1

_OPEN = Limits(memory_bytes=UNLIMITED, file_bytes=UNLIMITED, cpu_s=UNLIMITED, open_files=UNLIMITED)

log = structlog.get_logger(__name__)


class Child:
    """A running server. On Linux the kernel ends it with this process, however that ends."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.last_words = ""
        """The last line of its stderr."""
        self._process = process
        self._errors = asyncio.create_task(self._log_errors())

    @classmethod
    async def start(cls, name: str, target: StdioTarget) -> Child:
        """Start the command. Raises Unusable when there is no such program, OSError."""
        if _missing(target):
            raise Unusable(f"{name}: no program {target.command[0]!r} on PATH")
        process = await asyncio.create_subprocess_exec(
            *restrained(target.command, _OPEN),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(target.environment),
            cwd=target.directory,
            start_new_session=True,
            limit=MAX_LINE,
        )
        return cls(name, process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stopped(self) -> bool:
        """Whether a signal keeps it, or a process that it started, from running. Looks through the process table."""
        return stopped(self.pid)

    @property
    def ended(self) -> bool:
        """Whether its exit code is known."""
        return self._process.returncode is not None

    @property
    def end(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode
        if code is None:
            return "closed its output"
        return f"killed by signal {-code}" if code < 0 else f"exit {code}"

    async def read(self) -> bytes:
        """Its next line; nothing: there will be no more."""
        assert self._process.stdout is not None
        try:
            return await self._process.stdout.readline()
        except ValueError:
            log.warning("line_too_long", member=self.name, limit=MAX_LINE)
            return b""

    async def write(self, line: bytes) -> None:
        """Give it a line. Raises OSError when it takes no more."""
        self.post(line)
        assert self._process.stdin is not None
        await self._process.stdin.drain()

    def post(self, line: bytes) -> None:
        """The same, without waiting until it was taken."""
        assert self._process.stdin is not None
        self._process.stdin.write(line)

    async def stop(self) -> None:
        """End it and its group: stdin closed, then SIGTERM, then SIGKILL; this at once when it is stopped, and deaf."""
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None and self.stopped:
            self._signal(signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if await self._ended_within(PATIENCE_S):
                break
            self._signal(number)
        self._signal(signal.SIGKILL)  # whatever it started and left behind
        await self._ended_within(PATIENCE_S)
        self._errors.cancel()
        await asyncio.gather(self._errors, return_exceptions=True)

    async def seen_off(self) -> None:
        """Wait a moment for the exit code and the last words of a child that closed its output."""
        await self._ended_within(0.5)
        await asyncio.wait({self._errors}, timeout=LAST_WORDS_S)

    async def _ended_within(self, seconds: float) -> bool:
        """asyncio's own wait would last as long as anything the child started holds one of its pipes open."""
        give_up = time.monotonic() + seconds
        while self._process.returncode is None and time.monotonic() < give_up:  # noqa: ASYNC110 - see above
            await asyncio.sleep(LOOK_EVERY_S)
        return self._process.returncode is not None

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _log_errors(self) -> None:
        assert self._process.stderr is not None
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # a line without an end: its buffer was dropped
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()[:MAX_LOGGED]
            if text:
                self.last_words = text
                log.info("server_said", member=self.name, line=text)


def _missing(target: StdioTarget) -> bool:
    program = target.command[0]
    if os.sep in program:
        return not os.path.exists(os.path.join(target.directory or "", program))  # noqa: PTH110, PTH118
    folders = target.environment.get("PATH", os.defpath).split(os.pathsep)
    return not any(os.access(os.path.join(folder, program), os.X_OK) for folder in folders)  # noqa: PTH118
