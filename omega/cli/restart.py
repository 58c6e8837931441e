"""`restart`: the processes of this machine's federation again, one after the other, while the others work on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

import psutil

from omega.cli.output import note
from omega.cli.view import PlainView
from omega.embedded import read_nodes
from omega.handshake import Exit
from omega.home import Home, home_from
from omega.state import Phase, ProcessState, RunState, running
from omega.trouble import Trouble

AGAIN_WITHIN_S = 120.0
"""More than a process may take to end and to be ready together; a server that moves its clients takes longest."""
LOOK_EVERY_S = 0.1

PUT_OFF = frozenset({Phase.FAILED, Phase.NOT_INSTALLED, Phase.STOPPED})
"""Phases that no waiting changes: such a process does not keep the others from being restarted."""


def restart(*names: str) -> int:
    """Restart its processes one after the other, each ready before the next.

    A process finishes what it has in hand and is started again by `omega up`. Where there are two of each
    (`omega up --cluster 3`), nothing fails meanwhile. A server of a cluster tells its clients to move first.

    Parameters
    ----------
    names
        Only these, by the names that `omega status` shows; all without.
    """
    home = home_from(os.environ)
    state = running(home.state_file)
    if state is None:
        raise Trouble("nothing is up: omega up", code=Exit.UNAVAILABLE)
    movers = {node.process for node in read_nodes(home.nodes_file)}
    view = PlainView(state.processes)
    for process in _chosen(state, names):
        _wait(home, view, lambda now: not _in_the_way(now))
        _restart(home, view, process.name, signal.SIGUSR2 if process.name in movers else signal.SIGTERM)
    note("restarted")
    return Exit.OK


def _chosen(state: RunState, names: Sequence[str]) -> list[ProcessState]:
    """The processes named, in the order of a start. Raises Trouble: there is none of that name."""
    known = {process.name for process in state.processes}
    if unknown := [name for name in names if name not in known]:
        raise Trouble(f"no process {unknown[0]!r}; there are: {', '.join(sorted(known))}", code=Exit.NOT_FOUND)
    wanted = [process for process in state.processes if not names or process.name in names]
    return [process for process in wanted if process.phase not in PUT_OFF]


def _restart(home: Home, view: PlainView, name: str, with_signal: signal.Signals) -> None:
    state = running(home.state_file)
    before = _process(state, name) if state else None
    if before is None or before.pid is None:
        return  # it is being started anyhow
    try:
        psutil.Process(before.pid).send_signal(with_signal)
    except psutil.NoSuchProcess:
        note(f"{name} had just ended by itself")
    _wait(home, view, lambda now: _is_again(now, before))


def _wait(home: Home, view: PlainView, done: Callable[[RunState], bool]) -> None:
    """Tell what happens until `done`. Raises Trouble: it takes too long, or the federation ended meanwhile."""
    give_up = time.monotonic() + AGAIN_WITHIN_S
    while True:
        now = running(home.state_file)
        if now is None or now.stopping:
            raise Trouble("the federation was ended meanwhile", code=Exit.UNAVAILABLE)
        view.changed(now.processes)
        if done(now):
            return
        if time.monotonic() > give_up:
            waiting = ", ".join(process.name for process in _in_the_way(now)) or "one that did not end"
            raise Trouble(f"stopped here: not ready within {AGAIN_WITHIN_S:.0f} s: {waiting}", code=Exit.UNAVAILABLE)
        time.sleep(LOOK_EVERY_S)


def _is_again(now: RunState, before: ProcessState) -> bool:
    process = _process(now, before.name)
    return process is not None and process.pid != before.pid and process.phase is Phase.READY


def _in_the_way(now: RunState) -> list[ProcessState]:
    """Who is to be waited for before another is restarted."""
    return [process for process in now.processes if process.phase is not Phase.READY and process.phase not in PUT_OFF]


def _process(state: RunState, name: str) -> ProcessState | None:
    return next((process for process in state.processes if process.name == name), None)
