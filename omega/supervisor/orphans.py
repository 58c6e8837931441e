"""What a killed supervisor left behind, found by the mark that every process of a run carries in its environment.

On Linux the tether leaves nothing to find but what a process of ours had started itself; elsewhere this is the way
by which a new start gets rid of the processes of the old one. A pid that went to somebody else is never touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psutil

from omega.handshake import RUN_ID

PATIENCE_S = 5.0


def end_orphans(run_id: str) -> int:
    """Kill every process of that run; returns how many there were. Blocks, `PATIENCE_S` at most."""
    found = list(_of_run(run_id))
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=PATIENCE_S)
    return len(found)


def _of_run(run_id: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != psutil.Process().pid and process.environ().get(RUN_ID) == run_id:
                yield process
