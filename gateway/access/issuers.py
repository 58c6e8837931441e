"""The public keys of authorization servers: fetched, kept, and fetched again when a token names one that is not known.

A token with an unknown key has them fetched at most every few seconds, by one request for all who wait: nobody can use
this gateway to flood an issuer. Keys that are known stay in use for a while when the issuer does not answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp
import orjson
import structlog

from bus.bearer import Head, Keys, PublicKey, key_for, read_keys
from bus.errors import FederationError, Malformed
from gateway.access.settings import OAuthIssuer
from gateway.refusals import IssuerAway

REFRESH_S = 300.0
"""How often the keys are fetched anyway: a key that its issuer withdrew is used for so long at most."""
LEAST_PAUSE_S = 5.0
"""Between two fetches, whoever asks."""
LONGEST_S = 86_400.0
"""How long keys are used that could not be fetched again."""
FETCH_S = 5.0
MAX_BYTES = 512 * 1024

log = structlog.get_logger(__name__)


class IssuerKeys:
    """The keys of one issuer."""

    def __init__(
        self, issuer: OAuthIssuer, http: aiohttp.ClientSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.version = 0
        """Rises when the keys become others: what was verified with the former ones is verified again."""
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._keys: Keys = {}
        self._raw = b""
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, head: Head) -> PublicKey | None:
        """The key that signed a token; None where the issuer has no such key. Raises IssuerAway."""
        if self._stale():
            await self._fetch()
        found = key_for(head, self._keys)
        if found is None and self._may_try():
            await self._fetch()
            found = key_for(head, self._keys)
        if self._fetched_at is None or self._clock() - self._fetched_at > LONGEST_S:
            raise IssuerAway(f"the keys of {self._issuer.issuer} cannot be fetched")
        return found

    async def stop(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def refresh_soon(self) -> None:
        """Fetch beside what goes on, where it is time."""
        if self._stale() and self._fetching is None:
            self._begin()

    def _stale(self) -> bool:
        old = self._fetched_at is None or self._clock() - self._fetched_at > REFRESH_S
        return old and self._may_try()

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at > LEAST_PAUSE_S or self._fetching is not None

    async def _fetch(self) -> None:
        """Wait for the fetch that is under way, or for one that begins now."""
        task = self._fetching or self._begin()
        await asyncio.shield(task)

    def _begin(self) -> asyncio.Task[None]:
        self._tried_at = self._clock()
        self._fetching = asyncio.create_task(self._take())
        self._fetching.add_done_callback(self._ended)
        return self._fetching

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._fetching is task:
            self._fetching = None

    async def _take(self) -> None:
        try:
            raw = await self._document()
            keys = read_keys(orjson.loads(raw))
        except (aiohttp.ClientError, TimeoutError, FederationError, ValueError) as exc:
            log.warning("issuer_keys_not_fetched", issuer=self._issuer.issuer, reason=str(exc)[:200] or repr(exc)[:200])
            return
        self._fetched_at = self._clock()
        if raw != self._raw:
            self._raw, self._keys, self.version = raw, keys, self.version + 1
            log.info("issuer_keys", issuer=self._issuer.issuer, keys=len(keys))

    async def _document(self) -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with self._http.get(self._issuer.jwks_url, timeout=timeout, allow_redirects=False) as answer:
            if answer.status != 200:
                raise Malformed(f"status {answer.status}")
            found = await answer.content.read(MAX_BYTES + 1)
            while len(found) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES)):
                found += more
        if len(found) > MAX_BYTES:
            raise Malformed(f"more than {MAX_BYTES} bytes")
        return found
