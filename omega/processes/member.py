"""The process of one member: a shipped service, or one of the user's own."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from bus import BusSettings
from members import Member
from members.sandbox.extras import MissingExtra
from omega.processes.life import announce_ready, connected, stop_signal
from omega.services import SHIPPED, shipped
from omega.trouble import NotInstalled, WrongUse


class CannotLoad(WrongUse):
    """There is no member at the place named; the message says why."""


async def serve_member(member: Member, settings: BusSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the calls in flight and leave.

    Raises Disconnected (no NATS at the start), or the directory's refusal of the manifest.
    """
    stop = stop_signal()
    async with connected(settings, f"omega:member/{member.id}", member.identity) as bus, member.serving(bus):
        announce_ready()
        await stop.wait()


def load_member(place: str) -> Member:
    """The member at `place`: the name of a shipped service, or `module:attribute`.

    The attribute is a Member, or a function without required arguments that makes one. The working directory is
    searched first, as Python does for a script. Raises CannotLoad, NotInstalled.
    """
    service = shipped(place)
    if service is not None and service.missing:
        raise NotInstalled(f"{service.name} needs {', '.join(service.missing)}: {service.remedy}")
    try:
        return _made(place, _found(service.factory if service else place))
    except MissingExtra as exc:
        raise NotInstalled(str(exc)) from exc


def _found(place: str) -> Any:
    module, colon, attribute = place.partition(":")
    if not (colon and module and attribute):
        names = ", ".join(service.name for service in SHIPPED)
        raise CannotLoad(f"{place!r} is neither a shipped service ({names}) nor module:attribute")
    _search_working_directory()
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as exc:
        raise CannotLoad(f"{place}: {exc}") from exc
    if not hasattr(loaded, attribute):
        raise CannotLoad(f"{place}: module {module} has no {attribute!r}")
    return getattr(loaded, attribute)


def _search_working_directory() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _made(place: str, found: Any) -> Member:
    made = found() if callable(found) else found
    if not isinstance(made, Member):
        raise CannotLoad(f"{place}: {type(made).__name__}, not a Member or a function that makes one")
    return made
