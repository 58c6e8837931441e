"""`member`: one member, in this process."""

from __future__ import annotations

import os

from omega.cli.errors import naming_errors
from omega.cli.reach import Reach
from omega.processes.life import serve, set_up_logs
from omega.processes.member import load_member, serve_member

_DEFAULT_REACH = Reach()


def member(name: str, /, *, reach: Reach = _DEFAULT_REACH) -> None:
    """Run one member: a shipped service, or your own.

    Further settings are read from OMEGA_MEMBER_… in the environment. SIGTERM or Ctrl-C ends it, after the calls in
    flight.

    Parameters
    ----------
    name
        code_analyzer, data_validator or image_service; or module:attribute, a Member or a function that makes one.
    """
    set_up_logs(os.environ)
    with naming_errors():
        serve(serve_member(load_member(name), reach.settings()))
