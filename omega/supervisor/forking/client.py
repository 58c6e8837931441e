"""The supervisor's end of one fork server: what is asked of it, and what is known of what it forked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from omega.supervisor.forking.words import MAX_BYTES, Born, Ended, Refused, Wanted, Word, read, written
from omega.supervisor.starting import OURS, Birth, Started, kill_group, tethered

_SERVER = (sys.executable, "-m", "omega.supervisor.forking.server")
_KILLED = -signal.SIGKILL
PATIENCE_S = 20.0
"""How long a start waits for a fork server, which may be loading, before the process is started from scratch."""


class Stale(OSError):
    """The server loaded what is no longer on the disk."""


class ForkServer:
    """One process that forks, and what came of it."""

    def __init__(self, process: Process, channel: socket.socket) -> None:
        self.gone = False
        """Whether nothing can be asked of it any more."""
        self.retired = False
        """Whether it is there only for its children."""
        self.proven = False
        """Whether anything was forked by it, or could have been."""
        self._process = process
        self._channel = channel
        self._wanted: deque[asyncio.Future[Forked]] = deque()
        self._living: dict[int, Forked] = {}
        asyncio.get_running_loop().add_reader(channel, self._hear)

    @classmethod
    async def begin(cls, environment: Mapping[str, str], log: Path) -> ForkServer:
        """Start one. What is asked of it before it has loaded everything waits. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        since = time.time_ns()
        with theirs, log.open("ab") as output:
            channel = theirs.fileno()
            own = {**environment, "SPT_NOENV": "1"}  # a process keeps its environment where it can be looked at
            process = await tethered((*_SERVER, str(channel), str(since)), own, output.fileno(), channel)
        return cls(process, ours)

    async def fork(self, birth: Birth) -> Started:
        """A process of it. Raises Stale, or another OSError; TimeoutError, which is one, after `PATIENCE_S`."""
        wanted = Wanted(birth.command[len(OURS) :], birth.environment)
        if self.gone:
            raise BrokenPipeError("the fork server ended")
        socket.send_fds(self._channel, [written(wanted)], [birth.output, birth.readiness])
        answer: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._wanted.append(answer)
        async with asyncio.timeout(PATIENCE_S):
            return await answer

    def retire(self) -> None:
        """Fork no more, and end with the last child."""
        self.retired = True
        if not self._living and all(waiting.done() for waiting in self._wanted):
            self._hang_up()

    async def close(self) -> None:
        """End it, and what came of it."""
        self._hang_up()
        await self._process.wait()

    # what it says -------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        try:
            data = self._channel.recv(MAX_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._understand(_understood(data))
        if self.retired and not self.gone:
            self.retire()

    def _understand(self, word: Word | None) -> None:
        match word:
            case Born(pid):
                self.proven = True
                self._born(Forked(pid))
            case Refused(reason, stale):
                self.proven = self.proven or stale
                self._answered(Stale(reason) if stale else OSError(reason))
            case Ended(pid, code):
                self._ended(pid, code)
            case _:
                self._hang_up()

    def _born(self, forked: Forked) -> None:
        self._living[forked.pid] = forked
        if not self._answered(forked):
            forked.kill()

    def _answered(self, answer: Forked | OSError) -> bool:
        """Tell who asked first; False: they wait no longer."""
        waiting = self._wanted.popleft() if self._wanted else None
        if waiting is None or waiting.done():
            return False
        if isinstance(answer, OSError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)
        return True

    def _ended(self, pid: int, code: int) -> None:
        if (forked := self._living.pop(pid, None)) is not None:
            forked.end(code)

    def _hang_up(self) -> None:
        """It is killed, loading or not; the kernel kills its children with it, and we what they started."""
        if self.gone:
            return
        self.gone = True
        asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        while self._wanted:
            self._answered(BrokenPipeError("the fork server ended"))
        for forked in self._living.values():
            forked.kill()
            forked.end(_KILLED)
        self._living.clear()


class Forked:
    """A process that a fork server became."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    def terminate(self) -> None:
        """Send SIGTERM. Raises ProcessLookupError."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and everything it started."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # it may not have its group yet
            kill_group(self.pid)

    def clear(self) -> None:
        """The fork server did that, while the number was still this process's."""

    def end(self, code: int) -> None:
        """It is known to have ended."""
        self.returncode = code
        self._ended.set()

    async def wait(self) -> int:
        """Until it ended; its exit code."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode


def _understood(data: bytes) -> Word | None:
    """What was said; None for the end of all words, and for what cannot be read."""
    try:
        return read(data) if data else None
    except ValueError:
        return None
