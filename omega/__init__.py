"""OMEGA Federation: the public face, and the place where the parts are put together.

What a tool server needs, in one import::

    from omega import Context, Member

What a client needs::

    from omega import Bus, BusSettings, Federation

Inside, in the order a start-up meets them:

- `cli`         the `omega` command, one small module per group of commands
- `composition` the settings of one start-up become the list of processes to keep alive
- `embedded`    the NATS server that comes along: its binary and its configuration
- `supervisor`  starts processes in order, restarts them with back-off, ends them in reverse order
- `processes`   what runs inside one supervised process: a directory, a gateway, a member
- `state`       what the supervisor writes down for `status`, `logs` and `down` to read
- `doctor`      looks at the machine and says what is wrong and what to do

The names above are loaded on first use, so that `omega --help` need not load a message bus.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bus import Bus, BusSettings, Federation
    from members import Context, Member, ToolAnnotations

__all__ = ["Bus", "BusSettings", "Context", "Federation", "Member", "ToolAnnotations"]

_HOMES = {
    "Bus": "bus",
    "BusSettings": "bus",
    "Federation": "bus",
    "Context": "members",
    "Member": "members",
    "ToolAnnotations": "members",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
