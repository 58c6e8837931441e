"""Run a command that dies with its supervisor, even when that is killed with SIGKILL.

`python -I -S tether.py SUPERVISOR_PID COMMAND…`. On Linux the kernel is asked to kill this process when the thread
that made it ends; the request survives the exec. Elsewhere the next start finds what was left (`orphans`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to(supervisor: int) -> None:
    """Have the kernel kill this process when its parent dies; end at once when the parent is dead already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor:
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Become the command. Exit code 127: it cannot be run."""
    supervisor, *command = arguments
    tie_to(int(supervisor))
    try:
        os.execvp(command[0], command)
    except OSError as exc:
        sys.stderr.write(f"cannot run {command[0]}: {exc.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
