"""What a fork does before it is the process that was asked for."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from dataclasses import dataclass

from setproctitle import setproctitle

from omega.handshake import READY_FD
from omega.supervisor.forking.words import Wanted
from omega.supervisor.tether import tie_to

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What ends a process; the fork server hears none of it."""


@dataclass(frozen=True, slots=True)
class Newborn:
    """A process that is to be, with the descriptors that came for it."""

    wanted: Wanted
    output: int
    readiness: int
    parent: int

    def settle(self) -> None:
        """Be a process of its own, as one made from scratch would be. A signal that came meanwhile counts then."""
        os.setsid()
        tie_to(self.parent)
        self._take_descriptors()
        setproctitle(" ".join(("omega", *self.wanted.arguments)))
        os.environ.clear()
        os.environ.update({**self.wanted.environment, READY_FD: str(self.readiness)})
        sys.argv = ["omega", *self.wanted.arguments]
        importlib.invalidate_caches()
        _hear_signals()

    def _take_descriptors(self) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, standard in ((nothing, 0), (self.output, 1), (self.output, 2)):
            os.dup2(source, standard)
        for used in (nothing, self.output):
            os.close(used)


def _hear_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
