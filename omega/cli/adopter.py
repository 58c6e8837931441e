"""`adopter`: calls for members that registered over HTTP, in this process."""

from __future__ import annotations

import os

from members.adapters.adoption import AdopterSettings
from omega.cli.errors import naming_errors
from omega.cli.reach import Reach
from omega.processes.adopter import serve_adopter
from omega.processes.life import serve, set_up_logs

_DEFAULT_REACH = Reach()


def adopter(*, reach: Reach = _DEFAULT_REACH) -> None:
    """Run one adopter: members registered over HTTP become callable.

    Settings (allowed addresses, limits) are read from OMEGA_ADOPTER_… in the environment. SIGTERM or Ctrl-C ends it.
    """
    set_up_logs(os.environ)
    with naming_errors():
        serve(serve_adopter(reach.settings(), AdopterSettings()))
