"""The first code in every child: takes the limits upon itself, then becomes the program.

Run as `python -I -S launcher.py PARENT MEMORY FILE CPU OPEN_FILES PROGRAM ARGUMENTS…`. Limits set between fork and
exec by the parent would run Python code in a copy of a threaded process; set here they cannot deadlock anything.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Never returns."""
    parent, memory, file, cpu, open_files = map(int, argv[1:6])
    die_with(parent)
    for what, limit in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, file), (resource.RLIMIT_CPU, cpu)):
        lower(what, limit)
    lower(resource.RLIMIT_NOFILE, open_files)
    lower(resource.RLIMIT_AS, memory)
    os.execvp(argv[6], argv[6:])


def lower(what: int, limit: int) -> None:
    """Set a limit that can only become lower; below zero leaves it as it is."""
    hard = resource.getrlimit(what)[1]
    if limit >= 0:
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with suppress(ValueError, OSError):  # a kernel that does not know this limit is no reason not to run
            resource.setrlimit(what, (value, value))


def die_with(parent: int) -> None:
    """On Linux the kernel kills this process when its parent ends, however the parent ended; if it has already ended,
    so does this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv)
