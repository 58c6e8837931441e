"""The process that has loaded everything and forks: `python -m omega.supervisor.forking.server DESCRIPTOR SINCE`.

It has one thread and no event loop, so that a fork of it is whole, and it does nothing but fork. What comes of it is
tied to it and ends when it does, as it ends with the supervisor. A signal that ends a process is not for it: whoever
sends one to all of them means that each should end in its own way. SINCE is when it was asked for, Unix time in ns.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module

from omega.cli import main as omega
from omega.supervisor.forking.loaded import Loaded
from omega.supervisor.forking.newborn import ENDING, Newborn
from omega.supervisor.forking.words import MAX_BYTES, Born, Ended, Refused, Wanted, Word, read, written
from omega.supervisor.starting import kill_group

PRELOADED = tuple(f"omega.cli.{name}" for name in ("directory", "gateway", "adopter", "member"))
"""What the processes of `omega up` have in common. What one service alone needs, it loads itself."""

DESCRIPTORS = 2
"""That come with each request."""


class Server:
    """Forks what the other end of `channel` asks for."""

    def __init__(self, channel: socket.socket, loaded: Loaded) -> None:
        self._channel = channel
        self._loaded = loaded
        self._ends, self._end = os.pipe()
        for descriptor in (self._ends, self._end):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._end, warn_on_full_buffer=False)

    def serve(self) -> Newborn | None:
        """Fork until the supervisor hangs up. Returns what to be in a fork, None in the server itself."""
        try:
            while True:
                ready, _, _ = select.select([self._channel.fileno(), self._ends], [], [])
                if self._ends in ready:
                    self._reap()
                if self._channel.fileno() in ready:
                    data, descriptors, _, _ = socket.recv_fds(self._channel, MAX_BYTES, DESCRIPTORS)
                    if not data:
                        return None
                    if newborn := self._answer(data, descriptors):
                        return newborn
        except (BrokenPipeError, ConnectionResetError):
            return None

    def close(self) -> None:
        """What it held is no business of a fork, nor of anybody once it is done."""
        self._channel.close()
        for descriptor in (self._ends, self._end):
            os.close(descriptor)

    def _answer(self, data: bytes, descriptors: list[int]) -> Newborn | None:
        try:
            said, newborn = self._fork(data, descriptors)
        except (OSError, ValueError) as exc:
            said, newborn = Refused(str(exc)), None
        if newborn:
            return newborn
        for descriptor in descriptors:
            os.close(descriptor)
        self._channel.send(written(said))
        return None

    def _fork(self, data: bytes, descriptors: list[int]) -> tuple[Word, Newborn | None]:
        """What to say, or what to be. Raises OSError, ValueError."""
        wanted = read(data)
        if not isinstance(wanted, Wanted):
            raise ValueError(f"nothing to fork: {wanted}")
        if self._loaded.changed():
            return Refused("the files of this installation changed", stale=True), None
        if len(descriptors) != DESCRIPTORS:
            raise OSError("there is no room for its descriptors")
        output, readiness = descriptors
        here = os.getpid()
        pid = os.fork()
        return Born(pid), Newborn(wanted, output, readiness, here) if pid == 0 else None

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._ends, 4096)
        with suppress(ChildProcessError):
            # Looked at, cleared up and only then reaped: until then its number is nobody else's.
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                kill_group(ended.si_pid)
                pid, status = os.waitpid(ended.si_pid, 0)
                self._channel.send(written(Ended(pid, os.waitstatus_to_exitcode(status))))


def load(since_ns: int) -> Loaded:
    """Load what the processes share. Raises ImportError."""
    for name in PRELOADED:
        import_module(name)
    gc.collect()
    gc.freeze()  # a look through memory that is shared would make each fork its own copy of it
    return Loaded.now(since_ns)


def main() -> None:
    """Serve; in a fork, be the `omega` command that was asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    server = Server(socket.socket(fileno=int(sys.argv[1])), load(int(sys.argv[2])))
    newborn = server.serve()
    server.close()
    if newborn is not None:
        newborn.settle()
        omega()


if __name__ == "__main__":
    main()
