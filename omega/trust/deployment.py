"""One deployment's trust in one folder: its authority, what it issued, and what its NATS servers must be told.

Three ways to know who is who, one table of rights (`bus.trust.rights`):

* tokens: an authority's word, carried by whoever has it. Servers need not be told of anybody new. The default.
* keys: servers list the public keys they let in. Nothing but a key on either side.
* certificates: servers go by the name in a client's certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from bus import BusSettings
from bus.trust.authority import Authority, NoAuthority, listed
from bus.trust.certificates import (
    Certified,
    Span,
    client_certificate,
    new_authority,
    read_certified,
    server_certificate,
)
from bus.trust.credentials import read_secret, write_secret
from bus.trust.keyring import authority_in, wallet_in
from bus.trust.rights import Identity
from omega.embedded import Access, ByCertificate, ByKey, ByToken
from omega.trust.register import Issued, Register

CA_DAYS = 3_650
LEAF_DAYS = 90
DAY_S = 86_400


class Way(StrEnum):
    """How servers know who is who."""

    TOKENS = "tokens"
    KEYS = "keys"
    CERTIFICATES = "certificates"


class Deployment:
    """Issues and revokes. Everything raises OSError, BadCredentials."""

    def __init__(self, folder: Path, settings: BusSettings) -> None:
        """`settings` hold the prefix of the federation."""
        self._folder = folder
        self._settings = settings
        self._wallet = wallet_in(folder)
        self._register = Register(folder / "issued.json")

    @classmethod
    def create(cls, folder: Path, settings: BusSettings, way: Way = Way.TOKENS) -> Deployment:
        """The one in `folder`, made where there is none. The way of one that is there stays as it is."""
        made = cls(folder, settings)
        Authority.create(authority_in(folder), settings)
        if not made._way_file.exists():
            write_secret(made._way_file, f"{way}\n")
        if made.way is Way.CERTIFICATES and not made.ca_file.exists():
            made._keep(made.ca_file, new_authority("OMEGA federation", _span(CA_DAYS)))
        return made

    @property
    def way(self) -> Way:
        """Raises NoAuthority where nothing was made yet."""
        if not self._way_file.exists():
            raise NoAuthority(f"{self._folder}: no authority here; omega trust init makes one")
        return Way(read_secret(self._way_file).strip())

    @property
    def ca_file(self) -> Path:
        """The certificate that clients and servers believe each other by."""
        return authority_in(self._folder) / "ca.pem"

    def issued(self) -> tuple[Issued, ...]:
        """All that was ever issued, oldest first."""
        return self._register.all()

    # issuing ------------------------------------------------------------------------------------------------------

    def issue(self, identity: Identity, now: int, *, days: float | None = None) -> list[Path]:
        """Make credentials for `identity` and write them to files of their own, in place of earlier ones.

        What it had before holds on until it is revoked, so that it can go over without a gap.
        """
        if self.way is Way.CERTIFICATES:
            return self._certify(identity, now, days or LEAF_DAYS)
        expires = int(now + days * DAY_S) if days is not None else None
        fresh = self._authority().issue(identity, now, expires=expires) if self.way is Way.TOKENS else listed(identity)
        self._register.add(Issued(identity, fresh.key.public, now, fresh.expires))
        return [self._wallet.keep(fresh)]

    def supply(self, identity: Identity, now: int) -> None:
        """See to it that `identity` has credentials of this authority with the rights of today."""
        path = self._wallet.path(identity)
        before = path.stat().st_mtime_ns if path.exists() else 0
        self._wallet.supply(identity, self._authority(), now)
        if path.stat().st_mtime_ns != before and (fresh := self._wallet.get(identity)) is not None:
            self._register.add(Issued(identity, fresh.key.public, now, fresh.expires))

    def certify_server(self, hosts: Sequence[str], days: float) -> list[Path]:
        """A certificate for a server that is dialled by `hosts`."""
        return self._keep(self._folder / "server.pem", server_certificate(self._ca(), hosts, _span(days)))

    def _certify(self, identity: Identity, now: int, days: float) -> list[Path]:
        made = client_certificate(self._ca(), identity, _span(days))
        serial = f"{made.certificate.serial_number:x}"
        self._register.add(Issued(identity, serial, now, int(now + days * DAY_S)))
        return self._keep(self._wallet.path(identity).with_suffix(".pem"), made)

    # revoking -----------------------------------------------------------------------------------------------------

    def revoke(self, identity: Identity, now: int, *, but_newest: bool = False) -> list[Issued]:
        """What `identity` holds ends, once the servers are told (`access`). Returns what ended."""
        ended = self._register.revoke(identity, now, but_newest=but_newest)
        if self.way is Way.TOKENS:
            for one in ended:
                self._authority().revoke(one.public, now)
        if not but_newest:
            self._wallet.drop(identity)
        return ended

    # what servers are told ----------------------------------------------------------------------------------------

    def access(self, now: int) -> Access:
        """Whom the servers of this deployment let in, as things are at `now`."""
        holding = [one for one in self.issued() if one.holds(now)]
        match self.way:
            case Way.TOKENS:
                return ByToken(self._authority().server_tokens(now))
            case Way.KEYS:
                return ByKey({one.public: one.identity for one in holding}, self._settings)
            case Way.CERTIFICATES:
                identities = list(dict.fromkeys(one.identity for one in holding))
                server = self._folder / "server.pem"
                return ByCertificate(identities, self._settings, self.ca_file, server, server.with_suffix(".key"))

    # files --------------------------------------------------------------------------------------------------------

    @property
    def _way_file(self) -> Path:
        return self._folder / "way"

    def _authority(self) -> Authority:
        return Authority.open(authority_in(self._folder), self._settings)

    def _ca(self) -> Certified:
        if not self.ca_file.exists():
            raise NoAuthority(f"{self.ca_file}: not there; omega trust init --way certificates makes it")
        return read_certified(self.ca_file.read_bytes(), read_secret(self.ca_file.with_suffix(".key")).encode())

    def _keep(self, path: Path, certified: Certified) -> list[Path]:
        key = path.with_suffix(".key")
        write_secret(path, certified.pem)
        write_secret(key, certified.key_pem)
        return [path, key]


def _span(days: float) -> Span:
    return Span(datetime.now(UTC), days)
