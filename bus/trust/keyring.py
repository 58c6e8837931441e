"""What one process proves itself with: looked for where the settings say, and read anew at every dial.

Files that were replaced are noticed, so that a connection can be renewed before what it was opened with ends.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from bus.errors import InvalidRequest
from bus.settings import BusSettings
from bus.trust.authority import Authority, Wallet
from bus.trust.certificates import identity_of
from bus.trust.credentials import BadCredentials, Credentials, read_credentials, read_secret
from bus.trust.rights import LOCAL, Identity, Role

LOCAL_OPERATOR = Identity(Role.OPERATOR, LOCAL)
"""Who a program of this machine's user is when nothing else is said."""

Stamp = tuple[tuple[str, int, int], ...]
"""Changes when a file does."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a connection is opened with; all of it may be absent."""

    credentials: Credentials | None = None
    tls: ssl.SSLContext | None = None
    identity: Identity | None = None

    @property
    def inbox(self) -> str:
        """The prefix of the inboxes it may hear."""
        return self.identity.inbox if self.identity is not None else "_INBOX"


class Keyring:
    """Credentials and certificates as the settings name them. Everything raises BadCredentials."""

    def __init__(self, settings: BusSettings, wanted: Identity | None = None) -> None:
        """`wanted`: who this process is, which decides where the settings name a folder."""
        self._settings = settings
        self._wanted = wanted or LOCAL_OPERATOR

    def login(self) -> Login:
        """As the files are now."""
        path = self.path()
        credentials = read_credentials(path) if path is not None else None
        identity = credentials.identity if credentials is not None else self._certified()
        return Login(credentials, self._tls(), identity)

    def stamp(self) -> Stamp:
        """Equal as long as no file changed."""
        return tuple(_stamps(self._files()))

    def _files(self) -> Iterator[Path]:
        named = self._settings.credentials
        path = self.path() if named is None or named.is_dir() else named
        yield from filter(None, (path, self._settings.tls_cert, self._settings.tls_key, self._settings.tls_ca))

    def path(self) -> Path | None:
        """The file of credentials; None where there are none to be had."""
        named = self._settings.credentials
        if named is None:
            return self._own()
        return self._of_several(Wallet(named)) if named.is_dir() else named

    def _of_several(self, wallet: Wallet) -> Path:
        """Made out to the wanted identity; to a member that reads nothing of others, where that is what there is."""
        found = wallet.path(self._wanted)
        lesser = wallet.path(Identity(Role.MEMBER, self._wanted.name))
        return lesser if self._wanted.role is Role.READING_MEMBER and lesser.exists() else found

    def _own(self) -> Path | None:
        """Of this machine's own federation, issued here where they are missing."""
        wallet, authority = wallet_in(self._settings.trust), authority_in(self._settings.trust)
        path = self._of_several(wallet)
        if path.exists() or not authority.is_dir():
            return path if path.exists() else None
        return wallet.supply(self._wanted, Authority.open(authority, self._settings), int(time.time()))

    def _tls(self) -> ssl.SSLContext | None:
        s = self._settings
        if s.tls_ca is None and s.tls_cert is None:
            return None
        try:
            context = ssl.create_default_context(cafile=s.tls_ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if s.tls_cert is not None:
                if s.tls_key is not None:
                    read_secret(s.tls_key)
                context.load_cert_chain(s.tls_cert, s.tls_key)
        except (OSError, ssl.SSLError) as exc:
            raise BadCredentials(f"certificates: {exc}") from exc
        return context

    def _certified(self) -> Identity | None:
        """Who the certificate says we are, for servers that go by it."""
        path = self._settings.tls_cert
        if path is None:
            return None
        try:
            return identity_of(x509.load_pem_x509_certificate(path.read_bytes()))
        except (OSError, ValueError, InvalidRequest) as exc:
            raise BadCredentials(f"{path}: {exc}") from exc


def wallet_in(trust: Path) -> Wallet:
    """The credentials of a deployment that keeps all in one folder."""
    return Wallet(trust / "credentials")


def authority_in(trust: Path) -> Path:
    """Where such a deployment keeps its keys."""
    return trust / "authority"


def _stamps(paths: Iterator[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            yield str(path), 0, 0
        else:
            yield str(path), found.st_mtime_ns, found.st_size
