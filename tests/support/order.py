"""In what order test files run, and on how many workers: the longest first, more workers than cores where many wait.

Files of `tests/flow` wait for processes, leases and servers half of their time and more; those of `tests/unit` compute.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath

BUSY = {"unit", "architecture"}
"""Parts of `tests` that leave a core no time for anything else."""
LONGEST = (
    "flow/omega/test_up.py",
    "flow/omega/test_mcp.py",
    "flow/omega/test_cluster_restarts.py",
    "flow/omega/test_commands.py",
    "flow/chaos/test_short_run.py",
    "flow/omega/test_join.py",
    "flow/omega/test_new.py",
    "flow/omega/test_cluster_again.py",
    "flow/omega/test_archive.py",
    "flow/omega/test_cluster.py",
    "flow/gateway/test_fuzzed_doors.py",
    "flow/members/test_spreading.py",
    "flow/clients/test_clients.py",
    "flow/chaos/test_power_loss.py",
    "flow/attacks/test_bodies.py",
    "flow/members/code_analyzer/test_service.py",
    "flow/chaos/test_interruption.py",
)
"""Half a minute and more, the longest first: the last worker is not left alone with one of them in the end."""


def workers(asked: Iterable[str]) -> int:
    """How many workers `--numprocesses auto` is, for the paths that were asked for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = {_part(path) for path in asked}
    return cores if parts and parts <= BUSY else cores + (cores + 1) // 2


def place(path: str) -> tuple[int, int]:
    """Where a file, named from `tests`, stands: the longest, other flows, the rest."""
    if path in LONGEST:
        return 0, LONGEST.index(path)
    return (1, 0) if path.startswith("flow/") else (2, 0)


def _part(path: str) -> str:
    """`unit` of `tests/unit/bus/test_names.py`; nothing of what is no part of `tests`."""
    parts = PurePath(path.partition("::")[0]).parts
    after = parts[parts.index("tests") + 1 :] if "tests" in parts else ()
    return after[0] if after else ""
