"""A real nats-server that lets in only who proves who it is, in each of the ways there are, and connections to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bus import Bus, BusSettings
from bus.trust.authority import Authority, Wallet, listed
from bus.trust.certificates import Certified, Span, client_certificate, new_authority, server_certificate
from bus.trust.credentials import Credentials, write_secret
from bus.trust.rights import Identity
from omega.embedded import Access, ByCertificate, ByKey, ByToken, ServerPlan, configuration, system_login
from omega.ports import free_port
from tests.support.nats import NatsServer

WAYS = ("tokens", "keys", "certificates")


@dataclass
class Deployment:
    """One federation's servers and everybody's credentials, in a folder of a test."""

    way: str
    folder: Path
    port: int = field(default_factory=lambda: free_port("127.0.0.1"))
    issued: dict[Identity, Credentials] = field(default_factory=dict)
    _further: list[Credentials] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.base = BusSettings(trust=self.folder / "none")
        self.authority = Authority.create(self.folder / "authority", self.base)
        self.wallet = Wallet(self.folder / "credentials")
        self.ca = new_authority("omega test authority", self.span())
        write_secret(self.folder / "ca.pem", self.ca.pem)
        self._keep("server", server_certificate(self.ca, ["127.0.0.1", "localhost"], self.span()))
        self.server = NatsServer(self.folder)

    def span(self, days: float = 1) -> Span:
        return Span(datetime.now(UTC), days)

    def issue(self, identity: Identity, *, expires: int | None = None) -> None:
        """Credentials for `identity`, in place of those it had."""
        if self.way == "certificates":
            self.issued[identity] = listed(identity)
            self._keep(str(identity).replace("/", "-"), client_certificate(self.ca, identity, self.span()))
            return
        now = int(time.time())
        fresh = self.authority.issue(identity, now, expires=expires) if self.way == "tokens" else listed(identity)
        self.issued[identity] = fresh
        self.wallet.keep(fresh)

    def settings(self, identity: Identity) -> BusSettings:
        """How `identity` connects."""
        given: dict[str, object] = {"trust": self.folder / "none", "connect_timeout_s": 5.0}
        if self.way == "certificates":
            name = str(identity).replace("/", "-")
            files = {"tls_cert": self.folder / f"{name}.pem", "tls_key": self.folder / f"{name}.key"}
            return BusSettings(nats_url=f"tls://127.0.0.1:{self.port}", tls_ca=self.folder / "ca.pem", **files, **given)  # type: ignore[arg-type]  # of the types that the fields have
        return BusSettings(nats_url=f"nats://127.0.0.1:{self.port}", credentials=self.wallet.path(identity), **given)  # type: ignore[arg-type]  # as above

    def write_configuration(self) -> None:
        """What the server reads at its start, and again on SIGHUP."""
        plan = ServerPlan(self.port, self.folder, system_login(self.folder / "login.json"), access=self._access())
        self.server.config = configuration(plan).replace("{", "{{").replace("}", "}}") + _PORTS

    def rotate(self, identity: Identity) -> Credentials:
        """A second key for `identity` where servers list keys: they know it before anybody uses it."""
        fresh = listed(identity)
        self._further.append(fresh)
        self.reload()
        self.wallet.keep(fresh)
        return fresh

    def reload(self) -> None:
        """Have the server read what is written now."""
        self.write_configuration()
        self.server.reload(self.server.config)

    def _access(self) -> Access:
        if self.way == "tokens":
            return ByToken(self.authority.server_tokens(int(time.time())))
        if self.way == "keys":
            return ByKey({one.key.public: one.identity for one in (*self.issued.values(), *self._further)}, self.base)
        files = (self.folder / "ca.pem", self.folder / "server.pem", self.folder / "server.key")
        return ByCertificate(list(self.issued), self.base, *files)

    def _keep(self, name: str, certified: Certified) -> None:
        write_secret(self.folder / f"{name}.pem", certified.pem)
        write_secret(self.folder / f"{name}.key", certified.key_pem)

    @asynccontextmanager
    async def bus(self, identity: Identity) -> AsyncIterator[Bus]:
        """A connection of `identity`."""
        bus = await Bus.connect(self.settings(identity), name=f"omega:{identity}")
        try:
            yield bus
        finally:
            await bus.close()


_PORTS = '\nports_file_dir: "{directory}"\n'


@contextmanager
def deployment(way: str, folder: Path, *identities: Identity) -> Iterator[Deployment]:
    """A server that knows `identities`, for the length of the block."""
    deployed = Deployment(way, folder)
    for identity in identities:
        deployed.issue(identity)
    deployed.write_configuration()
    deployed.server.start()
    try:
        yield deployed
    finally:
        deployed.server.stop()
