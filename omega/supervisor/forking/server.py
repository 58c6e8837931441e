"""The process that has loaded everything and forks: `python -m omega.supervisor.forking.server DESCRIPTOR`.

It has one thread and no event loop, so that a fork of it is whole, and it does nothing but fork. What comes of it is
tied to it and ends when it does, as it ends with the supervisor.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from omega.cli import main as omega
from omega.supervisor.forking.loaded import Loaded
from omega.supervisor.forking.newborn import Newborn
from omega.supervisor.forking.words import MAX_BYTES, Born, Ended, Refused, Wanted, Word, read, written

PRELOADED = tuple(f"omega.cli.{name}" for name in ("directory", "gateway", "adopter", "member"))
"""What the processes of `omega up` have in common. What one service alone needs, it loads itself."""


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
        while True:
            ready, _, _ = select.select([self._channel.fileno(), self._ends], [], [])
            if self._ends in ready:
                self._reap()
            if self._channel.fileno() in ready:
                data, descriptors, _, _ = socket.recv_fds(self._channel, MAX_BYTES, 2)
                if not data:
                    return None
                if newborn := self._answer(read(data), descriptors):
                    return newborn

    @property
    def descriptors(self) -> Sequence[int]:
        """Those that are no business of a fork."""
        return self._channel.fileno(), self._ends, self._end

    def _answer(self, wanted: Word, descriptors: Sequence[int]) -> Newborn | None:
        assert isinstance(wanted, Wanted)
        try:
            said, newborn = self._fork(wanted, descriptors)
        except OSError as exc:
            said, newborn = Refused(exc.strerror or str(exc)), None
        if newborn:
            return newborn
        for descriptor in descriptors:
            os.close(descriptor)
        self._channel.send(written(said))
        return None

    def _fork(self, wanted: Wanted, descriptors: Sequence[int]) -> tuple[Word, Newborn | None]:
        """What to say, or what to be. Raises OSError."""
        if self._loaded.changed():
            return Refused("the files of this installation changed", stale=True), None
        output, readiness = descriptors
        here = os.getpid()
        pid = os.fork()
        return Born(pid), Newborn(wanted, output, readiness, here) if pid == 0 else None

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._ends, 4096)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                self._channel.send(written(Ended(pid, os.waitstatus_to_exitcode(status))))


def load() -> Loaded:
    """Load what the processes share. What cannot be loaded says so in the process that needs it."""
    for name in PRELOADED:
        with suppress(ImportError):
            import_module(name)
    gc.collect()
    gc.freeze()  # a look through memory that is shared would make each fork its own copy of it
    return Loaded.now()


def main() -> None:
    """Serve; in a fork, be the `omega` command that was asked for."""
    server = Server(socket.socket(fileno=int(sys.argv[1])), load())
    if newborn := server.serve():
        newborn.settle(server.descriptors)
        omega()


if __name__ == "__main__":
    main()
