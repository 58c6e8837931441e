"""TLS for the ports: one context for handshakes, replaced as a whole when its files change.

A handshake that begins takes the newest context; connections that are open keep theirs. Files that cannot be read, or
do not fit together because only one of them was written yet, change nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.access.settings import AccessSettings

LOOK_S = 1.0
"""How often the files are looked at."""

log = structlog.get_logger(__name__)


class CannotServeTls(Exception):
    """The certificate, its key or the authorities of clients cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a context is made of."""

    cert: Path
    key: Path
    client_ca: Path | None = None
    client_required: bool = False

    @staticmethod
    def of(settings: AccessSettings) -> TlsFiles | None:
        """None: the ports speak plain HTTP."""
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        required = settings.tls_client_certificate_required
        return TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca, required)

    def stamp(self) -> tuple[object, ...]:
        """Another one when a file was written or replaced. Raises OSError."""
        paths = (path for path in (self.cert, self.key, self.client_ca) if path is not None)
        return tuple((found.st_mtime_ns, found.st_size, found.st_ino) for found in (path.stat() for path in paths))

    def context(self) -> ssl.SSLContext:
        """For the server's side of a handshake. Raises OSError, ssl.SSLError."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.cert, self.key)
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED if self.client_required else ssl.CERT_OPTIONAL
            # A resumed session would bring back a certificate that nobody looked at again.
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
        return context


class ServerTls:
    """The context of a gateway's ports."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises CannotServeTls."""
        self._files = files
        try:
            self._stamp = files.stamp()
            self._newest = files.context()
            self.context = files.context()
        except (OSError, ValueError) as exc:
            raise CannotServeTls(f"TLS: {files.cert}, {files.key}: {exc}") from exc
        self.context.sni_callback = self._choose
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look after the files from now on."""
        self._task = asyncio.create_task(self._watch(), name="tls-files")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = self._newest

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                stamp = self._files.stamp()
                if stamp != self._stamp:
                    self._newest = self._files.context()
                    self._stamp = stamp
                    log.info("tls_certificate_replaced", cert=str(self._files.cert))
            except (OSError, ValueError) as exc:
                log.warning("tls_certificate_not_replaced", reason=str(exc)[:200])
