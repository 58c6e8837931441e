"""`directory`: one replica, in this process."""

from __future__ import annotations

import os

from omega.cli.errors import naming_errors
from omega.cli.reach import Reach
from omega.processes.directory import serve_directory
from omega.processes.life import serve, set_up_logs

_DEFAULT_REACH = Reach()


def directory(*, reach: Reach = _DEFAULT_REACH) -> None:
    """Run one directory replica.

    Any number of them serve one federation. Further settings are read from OMEGA_DIRECTORY_… in the environment.
    SIGTERM or Ctrl-C ends it.
    """
    set_up_logs(os.environ)
    with naming_errors():
        serve(serve_directory(reach.settings()))
