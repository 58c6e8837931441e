"""Ports: whether one is free, who holds it when it is not, and how to move."""

from __future__ import annotations

import contextlib
import errno
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

MAX_COMMAND = 80


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that listens on a port, as far as it may be seen."""

    pid: int
    command: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A port somebody wants to listen on."""

    host: str
    port: int
    purpose: str
    """What for: `gateway`."""
    move: str
    """How to have another: `--port PORT`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A wanted port that cannot be had."""

    wanted: Wanted
    holder: Holder | None
    """None: a process of another user, which may not be seen."""
    forbidden: bool = False
    """Nobody holds it; this user may not listen on it."""

    @property
    def text(self) -> str:
        """One sentence: what is wrong, and how to move."""
        wanted = self.wanted
        if self.forbidden:
            return f"port {wanted.port} ({wanted.purpose}): not allowed for this user; choose another: {wanted.move}"
        by = _describe(self.holder) if self.holder else _hidden(wanted.port)
        return f"port {wanted.port} ({wanted.purpose}) is taken by {by}; choose another: {wanted.move}"


def look(wanted: Wanted) -> Taken | None:
    """Why `wanted` cannot be had; None when it can. Raises OSError: the host is not an address of this machine."""
    problem = _try_to_bind(wanted.host, wanted.port)
    if problem == errno.EADDRINUSE:
        return Taken(wanted, holder_of(wanted.port))
    return Taken(wanted, None, forbidden=True) if problem == errno.EACCES else None


def holder_of(port: int) -> Holder | None:
    """Who listens on TCP `port`; None when nobody does or it may not be seen."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return _holder(connection.pid)
    return None


def free_port(host: str) -> int:
    """A port that is free now."""
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _try_to_bind(host: str, port: int) -> int:
    """0, or the error number of listening there."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as exc:
            if exc.errno in (errno.EADDRINUSE, errno.EACCES):
                return int(exc.errno)
            raise
    return 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _holder(pid: int) -> Holder | None:
    try:
        process = psutil.Process(pid)
        return Holder(pid, _shown(process.cmdline()) or process.name(), process.username())
    except psutil.Error:
        return Holder(pid, "")


def _shown(command: Sequence[str]) -> str:
    """A process that named itself holds one word, and the room that its own command line had."""
    words = [word for word in command if word]
    return words[0] if len(words) == 1 else shlex.join(words)


def _describe(holder: Holder) -> str:
    command = holder.command if len(holder.command) <= MAX_COMMAND else holder.command[: MAX_COMMAND - 1] + "…"
    user = f" of {holder.user}" if holder.user else ""
    return f"pid {holder.pid}{user}: {command}" if command else f"pid {holder.pid}{user}"


def _hidden(port: int) -> str:
    return f"a process that this user may not see (sudo ss -ltnp 'sport = :{port}' names it)"
