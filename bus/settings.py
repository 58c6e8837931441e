"""What a process may be told about its connection to the bus."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.home import root_from

_LOGIN = re.compile(r"(?<=://)[^/@]*@")


class BusSettings(BaseSettings):
    """How a process finds and holds its NATS connection. Read from `OMEGA_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="OMEGA_", extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    """Servers to dial, comma-separated. One is enough to start: the others of a cluster are learnt from it."""

    prefix: str = Field(default="omega", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    """First token of every subject and name of every stream. Two prefixes on one NATS are two federations that do
    not see each other."""

    connect_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """How long `connect` tries before it reports that no server answers. Later losses are retried for ever."""

    ping_interval_s: float = Field(default=10.0, ge=0.5, le=120)
    """A server that was silent for so long is asked for a sign of life; silent for twice as long, the connection is
    dropped and dialled anew. Lower finds a silent network failure sooner at the expense of traffic on every idle
    connection."""

    max_backoff_s: float = Field(default=2.0, gt=0, le=60)
    """Longest pause between two dials, jittered; five times that where the server refuses the login. Higher spares a
    server that comes back to thousands of members at the expense of members that return later."""

    replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream. 1 for a single server; 3 on a cluster, so that a minority of nodes may die."""

    credentials: Path | None = None
    """The file that proves who this process is (`omega trust`), or a folder of them, of which it takes the one made out
    to it. Read again at every dial, and when it changes: the connection is then replaced without losing a call. Unset:
    the one in `trust`."""

    trust: Path = Field(default_factory=lambda: root_from(os.environ) / "trust")
    """Where `omega up` keeps the authority of this machine's federation. Whoever can read it issues credentials to
    itself when it needs some: right for one machine and one user, and for nobody else."""

    tls_ca: Path | None = None
    """Certificates of the authorities that NATS servers are believed by, PEM. Unset: those of the system."""

    tls_cert: Path | None = None
    """This process's own certificate with its chain, PEM, for servers that want one. It is read again at every dial,
    and when it changes."""

    tls_key: Path | None = None
    """Its private key, PEM, in a file that only its owner may read."""

    @property
    def servers(self) -> list[str]:
        """The dialled URLs, in the order given."""
        return [url.strip() for url in self.nats_url.split(",") if url.strip()]

    @property
    def shown_url(self) -> str:
        """The same for people and logs, without what it may say of a user and a password."""
        return ", ".join(_LOGIN.sub("", url) for url in self.servers)

    @property
    def bucket(self) -> str:
        """The KV bucket of the registry."""
        return f"{self.prefix}_registry"

    @property
    def sessions_bucket(self) -> str:
        """The KV bucket of what changed in client sessions."""
        return f"{self.prefix}_sessions"

    @property
    def owners_bucket(self) -> str:
        """The KV bucket of who owns which member id."""
        return f"{self.prefix}_owners"

    @property
    def tokens_bucket(self) -> str:
        """The KV bucket of the keys that gateways let in."""
        return f"{self.prefix}_tokens"

    @property
    def events_stream(self) -> str:
        """The stream of the audit trail."""
        return f"{self.prefix.upper()}_EVENTS"
