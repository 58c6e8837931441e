"""`down`: end the federation of this machine."""

from __future__ import annotations

import os
import time
from typing import Annotated

import psutil
from cyclopts import Parameter

from omega.cli.output import note
from omega.cli.view import PlainView
from omega.handshake import Exit
from omega.home import Home, home_from
from omega.state import RunState, read_state, running, supervised
from omega.supervisor.orphans import end_orphans

ENDED_WITHIN_S = 75.0
"""More than the patience with every stage together."""
LOOK_EVERY_S = 0.1


def down(*, clean: Annotated[bool, Parameter(negative="")] = False) -> int:
    """End the federation of this machine, members first.

    Nothing to end is no error.

    Parameters
    ----------
    clean
        Then delete what it stored: registry, audit trail, logs. Only below $OMEGA_HOME.
    """
    home = home_from(os.environ)
    code = _end(home)
    if clean and code == Exit.OK:
        home.clear()
        note(f"cleared {home.root}")
    return code


def _end(home: Home) -> int:
    state = running(home.state_file)
    if state is None:
        return _clear_away(home)
    psutil.Process(state.pid).terminate()
    if not _wait(home, state):
        psutil.Process(state.pid).kill()
        end_orphans(state.run_id)
        home.state_file.unlink(missing_ok=True)
        note(f"it did not end within {ENDED_WITHIN_S:.0f} s and was killed")
        return Exit.FAILED
    note("down")
    return Exit.OK


def _clear_away(home: Home) -> int:
    if left := read_state(home.state_file):
        count = end_orphans(left.run_id)
        home.state_file.unlink(missing_ok=True)
        note(f"the supervisor had been killed; cleared away its state and {count} processes")
    else:
        note("nothing is up")
    return Exit.OK


def _wait(home: Home, state: RunState) -> bool:
    """Tell what ends until the supervisor is gone; False when it takes too long."""
    view = PlainView(state.processes)
    give_up = time.monotonic() + ENDED_WITHIN_S
    while supervised(state):
        if time.monotonic() > give_up:
            return False
        if now := read_state(home.state_file):
            view.changed(now.processes)
        time.sleep(LOOK_EVERY_S)
    return True
