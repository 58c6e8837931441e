"""Whether a signal keeps the processes of a session from running, as far as the system tells (Linux; else never)."""

from __future__ import annotations

from pathlib import Path

PROCESSES = Path("/proc")
STOPPED = "T"
"""Not `t`: who is looked at by a debugger is left alone."""


def stopped(session: int) -> bool:
    """Whether a process of that session is stopped. Looks through the process table."""
    return any(_state(text) == (session, STOPPED) for text in map(_stat, PROCESSES.glob("[0-9]*/stat")))


def _stat(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return ""


def _state(stat: str) -> tuple[int, str] | None:
    """Session and state of a process. Its name, in parentheses, may hold anything, so what counts comes after."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[3]), fields[0]) if len(fields) > 3 else None
