"""The one fetcher of URLs that somebody else chose: it dials only addresses that policy allows.

What is checked is what is dialled: the connection goes to the address the check has seen, so a name that answers
differently a second time gains nothing. Redirects are followed inside one origin only, and checked like the first.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from members.hosts import Forbidden, Policy, canonical, checked, checked_addresses

MAX_REDIRECTS = 3
REMEMBERED = 64
"""URLs that are not looked at again; a fetcher has one, and where that redirects to."""
CONNECT_S = 5.0
"""For one address of a name; the name and all its addresses may take twice as long."""
_REDIRECTS = (301, 302, 303, 307, 308)


class Unreachable(Exception):
    """There is no connection to it: nothing was sent."""


class BrokenOff(Exception):
    """Sent, and the answer did not come, or not all of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is still to be read."""

    status: int
    headers: Mapping[str, str]
    _response: aiohttp.ClientResponse = field(repr=False)

    @property
    def form(self) -> str:
        """The content type, without parameters."""
        return self._response.content_type

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises BrokenOff."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise BrokenOff(f"the answer broke off: {exc or type(exc).__name__}") from exc

    async def body(self, limit: int) -> bytes:
        """All of it. Raises BrokenOff, ValueError above `limit` bytes."""
        taken = bytearray()
        async for chunk in self.chunks():
            taken += chunk
            if len(taken) > limit:
                raise ValueError(f"more than {limit} bytes")
        return bytes(taken)


class Fetcher:
    """HTTP requests under one policy, over connections that are kept. Close it after use."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._approved: set[str] = set()
        """URLs found good as they are written. What a name leads to is checked for every connection."""
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, patience: float | None
    ) -> AsyncIterator[Answer]:
        """The answer to one request; `patience` bounds the wait for more of it, None waits as long as it takes.

        Raises Forbidden, Unreachable, BrokenOff.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=2 * CONNECT_S, sock_connect=CONNECT_S, sock_read=patience)
        for _ in range(MAX_REDIRECTS + 1):
            self._approve(url)
            response = await self._send(method, url, headers=headers, body=body, timeout=timeout)
            try:
                follow = _redirect(url, response)
                if follow is None:
                    yield Answer(response.status, response.headers, response)
                    return
                url = follow
            finally:
                _let_go(response)
        raise Forbidden(f"more than {MAX_REDIRECTS} redirects")

    async def close(self) -> None:
        """End every connection. A request afterwards opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _approve(self, url: str) -> None:
        """Raises Forbidden for a URL that is not dialled whatever its host leads to."""
        if url in self._approved:
            return
        _agree(url, checked(url, self._policy), self._policy)
        if len(self._approved) >= REMEMBERED:
            self._approved.clear()
        self._approved.add(url)

    async def _send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, resolver=_CheckedResolver(self._policy), ttl_dns_cache=10)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        try:
            return await self._session.request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
            raise Unreachable(str(exc) or type(exc).__name__) from exc
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise BrokenOff(str(exc) or type(exc).__name__) from exc


class _CheckedResolver(AbstractResolver):
    """Gives only addresses that may be dialled; one that may not refuses the name as a whole."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        checked_addresses(host, (one["host"] for one in found), self._policy)
        return found

    async def close(self) -> None:
        await self._inner.close()


def _agree(url: str, host: str, policy: Policy) -> None:
    """The client that dials must read the same host in `url` as the check did. Raises Forbidden."""
    try:
        dialled = canonical(URL(url).host or "")
    except ValueError:
        dialled = ""
    if dialled != host and not policy.unrestricted:
        raise Forbidden("this URL is not dialled: its host can be read in two ways")


def _let_go(response: aiohttp.ClientResponse) -> None:
    """Keep the connection for the next request when the body was read, else end it: that cancels what still runs."""
    if response.content.at_eof():
        response.release()
    else:
        response.close()


def _redirect(url: str, response: aiohttp.ClientResponse) -> str | None:
    """Where to go on; None: this is the answer. Raises Forbidden for a way out of the origin."""
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or location is None:
        return None
    follow = urljoin(url, location)
    if response.method != "GET" and response.status not in (307, 308):
        return None
    here, there = urlsplit(url), urlsplit(follow)
    if (here.scheme, here.netloc.lower()) != (there.scheme, there.netloc.lower()):
        raise Forbidden("a redirect to another origin is not followed")
    return follow


__all__ = ["Answer", "BrokenOff", "Fetcher", "Forbidden", "Policy", "Unreachable", "checked"]
