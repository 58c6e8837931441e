"""The process of one directory replica."""

from __future__ import annotations

import secrets

from bus import BusSettings
from bus.trust.rights import LOCAL, Identity, Role
from directory import Directory, DirectorySettings, Window
from omega.processes.life import announce_ready, connected, stop_signal, working
from omega.waiting import first_of


async def serve_directory(settings: BusSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises Disconnected (no NATS at the start), or what broke a station."""
    stop = stop_signal()
    async with connected(settings, f"omega:directory/{secrets.token_hex(4)}", Identity(Role.DIRECTORY, LOCAL)) as bus:
        rules = DirectorySettings()
        directory = Window(bus, rules) if rules.sites else Directory(bus, rules)
        async with working(directory):
            await first_of(directory.ready.wait(), stop.wait())
            announce_ready()
            await first_of(_broken(directory), stop.wait())


async def _broken(directory: Directory | Window) -> None:
    """Raises what broke a station: a process that limps is worse than one that is started again."""
    raise await directory.broken
