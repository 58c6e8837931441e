"""Access put together: the ways in, what they need to run, and TLS. Shared by every port of a gateway."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
import structlog

from bus import Bus
from bus.trail import Trail
from gateway.access.admission import Admission, Ways
from gateway.access.certificates import Certificates
from gateway.access.denials import Denials
from gateway.access.keyfeed import KeyFeed
from gateway.access.keyring import ApiKeyring
from gateway.access.oauth import OAuth
from gateway.access.policy import asks, is_loopback, takes_keys
from gateway.access.proofs import Way
from gateway.access.settings import AccessSettings
from gateway.access.tls import ServerTls, TlsFiles

log = structlog.get_logger(__name__)


class Doorkeeper:
    """Made before the ports are bound, started before they are served, stopped after them."""

    def __init__(self, bus: Bus, settings: AccessSettings, *, host: str, trail: Trail) -> None:
        """Raises Unprotected (open to a network, and nobody said so), CannotServeTls."""
        self.required = asks(settings, host)
        """Whether callers must prove who they are."""
        self.denials = Denials(trail, time.monotonic)
        self._settings = settings
        self._host = host
        files = TlsFiles.of(settings)
        self.tls = ServerTls(files) if files is not None else None
        self.keys = ApiKeyring() if takes_keys(settings, required=self.required) else None
        """The API keys that are known; None where none are taken."""
        self._feed = KeyFeed(bus, self.keys) if self.keys is not None else None
        self._http: aiohttp.ClientSession | None = None
        self._oauth: OAuth | None = None

    async def start(self, url: str) -> None:
        """Returns when credentials can be checked. `url` is the one clients reach the gateway by."""
        if self._settings.oauth_issuers:
            self._http = aiohttp.ClientSession()
            self._oauth = OAuth(self._settings.oauth_issuers, self._settings.oauth_audiences, self._http)
        if self._feed is not None:
            await self._feed.start()
        if self.tls is not None:
            self.tls.start()
        self._warn(url)

    async def stop(self) -> None:
        for part in (self._feed, self._oauth, self.tls):
            if part is not None:
                await part.stop()
        if self._http is not None:
            await self._http.close()

    def admission(self, base: str) -> Admission:
        """The station before the handlers of the port that clients know as `base`."""
        return Admission(Ways(self._ways(), self.required, bool(self.issuers), self.denials), base)

    @property
    def issuers(self) -> Sequence[str]:
        """The authorization servers whose tokens are taken."""
        return [issuer.issuer for issuer in self._settings.oauth_issuers]

    @property
    def schemes(self) -> Sequence[str]:
        """The names under which the API's description tells of the ways; none where nothing is asked."""
        if not self.required:
            return ()
        tokens = self.keys is not None or bool(self._settings.oauth_issuers)
        told = {
            "bearer": tokens,
            "apiKey": self.keys is not None,
            "mutualTLS": bool(self._settings.certificate_principals),
        }
        return [name for name, taken in told.items() if taken]

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return "http" if self.tls is None else "https"

    def _ways(self) -> list[Way]:
        """What was shown in a header says who asks, where a certificate was shown beside it: that may be a proxy's."""
        ways: list[Way] = []
        if self.keys is not None:
            ways.append(self.keys)
        if self._oauth is not None:
            ways.append(self._oauth)
        if self._settings.certificate_principals:
            ways.append(Certificates(self._settings.certificate_principals))
        return ways

    def _warn(self, url: str) -> None:
        if self.required and self.tls is None and not is_loopback(self._host) and urlsplit(url).scheme != "https":
            log.warning("credentials_travel_in_the_clear", url=url, remedy="tls_cert and tls_key, or a TLS proxy")
        if not self.required and not is_loopback(self._host):
            log.warning("open_to_the_network_without_authentication", host=self._host)
