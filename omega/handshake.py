"""The few words a supervisor and its processes have in common, and what an exit code of `omega` means."""

from __future__ import annotations

from enum import IntEnum

READY_FD = "OMEGA_READY_FD"
"""A process finds here the number of a descriptor; a line written to it says: I am ready."""

RUN_ID = "OMEGA_RUN_ID"
"""The mark of one `omega up`, inherited by everything it starts."""


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    """Refused, or failed; the line on stderr says why."""
    USAGE = 2
    """The command line is wrong."""
    UNAVAILABLE = 3
    """Nobody answers now: no federation, no directory, no instance, no free slot. The same may succeed later."""
    NOT_FOUND = 4
    """No such member, tool or process."""
    UNKNOWN = 5
    """Sent, and the outcome is not known: look before trying again."""
    NOT_INSTALLED = 6
    """Something it needs is not installed; the line on stderr says how to install it."""
    INTERRUPTED = 130
