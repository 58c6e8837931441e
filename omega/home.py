"""The run directory: where one federation of this machine keeps its data, its logs and its state.

`$OMEGA_HOME`, else `$XDG_STATE_HOME/omega`, else `~/.local/state/omega`. Two homes (and two sets of ports) are two
federations that do not know each other.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bus.home import root_from


@dataclass(frozen=True, slots=True)
class Home:
    """The paths below one run directory."""

    root: Path

    @property
    def jetstream(self) -> Path:
        """What the embedded NATS stores: the registry and the audit trail."""
        return self.root / "jetstream"

    @property
    def nats(self) -> Path:
        """Configuration of the embedded NATS."""
        return self.root / "nats"

    @property
    def access_file(self) -> Path:
        """Whom the embedded NATS lets in: a part of its configuration."""
        return self.nats / "access.conf"

    @property
    def nodes(self) -> Path:
        """What the servers of an embedded cluster store, each below its own name."""
        return self.root / "nodes"

    @property
    def nodes_file(self) -> Path:
        """The ports of those servers, kept from one start to the next."""
        return self.nodes / "nodes.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def state_file(self) -> Path:
        """Read by `status`, `logs` and `down`."""
        return self.run / "state.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor for as long as it lives; the kernel lets go when it dies."""
        return self.run / "supervisor.lock"

    @property
    def client(self) -> Path:
        """Configuration for the stock `nats` command, below what it takes as `XDG_CONFIG_HOME`."""
        return self.root / "client"

    @property
    def trust(self) -> Path:
        """Who is who on the bus: the authority, and the credentials it issued."""
        return self.root / "trust"

    def log(self, process: str) -> Path:
        """The log of one process; older parts end in `.1`, `.2` and so on."""
        return self.logs / f"{process}.log"

    def create(self) -> None:
        """Make the directories, readable by their owner alone. Raises OSError."""
        for path in (self.root, self.jetstream, self.nats, self.nodes, self.logs, self.run, self.trust, self.client):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove everything a federation wrote here, and the directory itself when nothing else is in it."""
        for path in (self.run, self.logs, self.nats, self.nodes, self.jetstream, self.trust, self.client):
            shutil.rmtree(path, ignore_errors=True)
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()


def home_from(environment: Mapping[str, str]) -> Home:
    """The run directory that `environment` names."""
    return Home(root_from(environment))
