"""What is so on this machine, looked up and not judged."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omega.composition import UpSettings
from omega.embedded import Found, NoServer, find_server
from omega.home import Home
from omega.ports import Taken
from omega.running import taken_ports
from omega.services import SHIPPED, Service
from omega.state import RunState, read_state, supervised


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the findings are made from."""

    python: tuple[int, int, int]
    platform: str
    nats_server: Found | str
    """The server to run, or why there is none."""
    git: str | None
    """Where it is."""
    services: Sequence[Service]
    missing: dict[str, tuple[str, ...]]
    """What a service needs and is not installed, by service name."""
    home: Home
    writable: bool
    free_bytes: int
    """On the disk of the run directory."""
    taken: Sequence[Taken]
    """Ports of a default start that are held by others than this federation."""
    state: RunState | None
    alive: bool
    """Whether the supervisor of `state` lives."""


def gather(settings: UpSettings) -> Facts:
    """Look at this machine, as a start with `settings` would find it. Takes a second or two; changes nothing."""
    state = read_state(settings.home.state_file)
    alive = state is not None and supervised(state)
    return Facts(
        python=sys.version_info[:3],
        platform=f"{platform.system()} {platform.machine()}",
        nats_server=_nats_server(),
        git=shutil.which("git"),
        services=SHIPPED,
        missing={service.name: service.missing for service in SHIPPED if service.missing},
        home=settings.home,
        writable=os.access(_existing(settings.home.root), os.W_OK | os.X_OK),
        free_bytes=shutil.disk_usage(_existing(settings.home.root)).free,
        taken=() if alive else taken_ports(settings),
        state=state,
        alive=alive,
    )


def _nats_server() -> Found | str:
    try:
        return find_server()
    except NoServer as exc:
        return str(exc)


def _existing(path: Path) -> Path:
    """The nearest directory on the way to `path` that exists."""
    return next(parent for parent in (path, *path.parents) if parent.is_dir())
