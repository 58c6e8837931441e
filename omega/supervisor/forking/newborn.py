"""What a fork does before it is the process that was asked for."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from setproctitle import setproctitle

from omega.handshake import READY_FD
from omega.supervisor.forking.words import Wanted
from omega.supervisor.tether import tie_to


@dataclass(frozen=True, slots=True)
class Newborn:
    """A process that is to be, with the descriptors that came for it."""

    wanted: Wanted
    output: int
    readiness: int
    parent: int

    def settle(self, inherited: Sequence[int]) -> None:
        """Be a process of its own, as one made from scratch would be; `inherited` are the server's own descriptors."""
        tie_to(self.parent)
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in inherited:
            os.close(descriptor)
        self._take_descriptors()
        setproctitle(" ".join(("omega", *self.wanted.arguments)))
        os.environ.clear()
        os.environ.update({**self.wanted.environment, READY_FD: str(self.readiness)})
        sys.argv = ["omega", *self.wanted.arguments]

    def _take_descriptors(self) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, standard in ((nothing, 0), (self.output, 1), (self.output, 2)):
            os.dup2(source, standard)
        for used in (nothing, self.output):
            os.close(used)
