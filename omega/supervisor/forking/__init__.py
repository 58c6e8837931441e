"""Processes of ours by fork: one process loads everything once and becomes each of them in milliseconds.

- `forks`   the supervisor's side: has a process forked, or makes it from scratch where that cannot be
- `client`  its end of one fork server, and of what came of it
- `words`   what the two sides say to each other; pure
- `server`  the process that forks: `python -m omega.supervisor.forking.server FD SINCE`
- `loaded`  whether what it loaded is still what is on the disk
- `newborn` what a fork does before it is the process that was asked for

On Linux alone: elsewhere libraries of the system may not bear a fork, and nothing ends a process with its parent.
"""

from __future__ import annotations

from omega.supervisor.forking.forks import forking

__all__ = ["forking"]
