"""A small supervisor for the processes of one machine.

The way of a process through it, file by file:

- `spec`      what to run, when it counts as ready, how long it may take to end
- `fleet`     starts the specs stage by stage, ends them in reverse, tells who listens what changed
- `keeper`    keeps one of them alive: start, readiness, end, pause, again
- `backoff`   decides whether and when to start again; pure
- `child`     one operating-system process: output, readiness, end
- `starting`  how it comes to be: what it is given, and the way from scratch
- `forking`   the quick way for processes of ours: one that has loaded everything becomes each of them
- `tether`    runs first in the child and ties its life to the supervisor's
- `probes`    ways to find out that a process is ready
- `logfile`   the output of one process on disk, rotated by size
- `orphans`   what a killed supervisor left behind, found and ended
"""

from __future__ import annotations

from omega.supervisor.backoff import RestartPolicy
from omega.supervisor.fleet import Fleet, Listener
from omega.supervisor.spec import Absent, ChildSpec

__all__ = ["Absent", "ChildSpec", "Fleet", "Listener", "RestartPolicy"]
