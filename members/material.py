"""Where the bytes a tool works on come from: a data URL, an https URL that policy allows, a resource of a member."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urlsplit

from bus.errors import InvalidArguments, NotAllowed, NotFound, TooLarge, ToolError
from bus.names import MEMBER_ROOT
from members.guard import Answer, BrokenOff, Fetcher, Forbidden, Policy, Unreachable
from members.peers import Peers

MAX_URI = 2_048
"""Characters of a URI that is no data URL."""

_URI = re.compile(r"(data:|https?://|omega://)", re.IGNORECASE)
_DATA = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(;[\w.+-]+=[\w.+-]+)*(?P<base64>;base64)?,", re.ASCII)


@dataclass(frozen=True, slots=True)
class Material:
    """Bytes, and what their source says they are."""

    content: bytes = field(repr=False)
    media_type: str
    """Lower-case, without parameters; `application/octet-stream` where nothing was said."""
    name: str
    """Where they came from, fit for a message: never a secret of a URL, never more than 100 characters."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What may be read, and how much of it."""

    max_bytes: int
    timeout_s: float
    urls: bool = True
    """False refuses every URL that leaves the federation."""
    allowed_hosts: Iterable[str] = ()
    """Hosts, or `host:port`, that are read from whatever their address is, also over http. Every other host is read
    over https only, and only where it leads to a public address."""

    def lists(self, url: str) -> bool:
        """Whether the operator named the host of `url`."""
        parts = urlsplit(url)
        named = (parts.hostname or "", f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}")
        return any(name in self.allowed_hosts for name in named)


class Materials:
    """Reads what a URI names, within the limits of `sources`. Close it after use."""

    def __init__(self, sources: Sources, peers: Peers) -> None:
        self._sources = sources
        self._peers = peers
        self._public = Fetcher(Policy())
        self._listed = Fetcher(Policy(unrestricted=True))

    async def read(self, uri: str, name: str) -> Material:
        """The bytes behind `uri`; `name` is the argument that held it.

        Raises InvalidArguments (no URI that is read here), NotAllowed, TooLarge, ToolError (it could not be read),
        and what keeps a member from answering.
        """
        if uri[:5].lower() == "data:":
            return from_data_url(uri, name, self._sources.max_bytes)
        if len(uri) > MAX_URI:
            raise _invalid(name, f"a URI has at most {MAX_URI} characters")
        if uri.startswith(MEMBER_ROOT):
            return await self._resource(uri, name)
        return await self._fetched(uri, name)

    async def close(self) -> None:
        """End every connection."""
        await self._public.close()
        await self._listed.close()

    async def _resource(self, uri: str, name: str) -> Material:
        limit = self._sources.max_bytes
        try:
            content, kind = await self._peers.read(uri, max_bytes=limit, timeout=self._sources.timeout_s)
        except TooLarge as exc:
            raise _too_large(name, limit) from exc
        except (InvalidArguments, NotFound, ToolError) as exc:
            raise type(exc)(f"{name}: {exc.message}", details=_problem(name, exc.message)) from exc
        return Material(bounded(content, name, limit), plain_type(kind), uri[:100])

    async def _fetched(self, url: str, name: str) -> Material:
        listed = self._checked(url, name)
        fetcher = self._listed if listed else self._public
        patience = self._sources.timeout_s
        try:
            async with (
                asyncio.timeout(patience),
                fetcher.open("GET", url, headers={"Accept": "*/*"}, patience=patience) as answer,
            ):
                return await self._taken(url, name, answer)
        except Forbidden as exc:
            raise NotAllowed(f"{name}: {exc}", details=_problem(name, str(exc))) from exc
        except (Unreachable, BrokenOff, TimeoutError) as exc:
            raise ToolError(f"{name}: {_host(url)} could not be read") from exc

    def _checked(self, url: str, name: str) -> bool:
        """Whether the host is listed. Raises InvalidArguments, NotAllowed."""
        if not re.match(r"https?://[^/]", url):
            raise _invalid(name, f"a data: URL, an https:// URL or a resource {MEMBER_ROOT}<id>/<its own URI>")
        try:
            listed = self._sources.lists(url)
        except ValueError as exc:
            raise _invalid(name, "this URL cannot be read") from exc
        if not self._sources.urls:
            raise NotAllowed(f"{name}: URLs are not fetched here", details=_problem(name, "not fetched"))
        if not listed and not url.startswith("https://"):
            raise NotAllowed(f"{name}: only https from this host", details=_problem(name, "not https"))
        return listed

    async def _taken(self, url: str, name: str, answer: Answer) -> Material:
        if answer.status != 200:
            raise ToolError(f"{name}: {_host(url)} answered HTTP {answer.status}")
        try:
            content = await answer.body(self._sources.max_bytes)
        except ValueError as exc:
            raise _too_large(name, self._sources.max_bytes) from exc
        return Material(content, plain_type(answer.form), _host(url))


def is_uri(text: str) -> bool:
    """Whether a text is meant as a URI of what to read, and not as the material itself. Only the base64 of a data URL
    may have line breaks."""
    head = _DATA.match(text[:200])
    if head is not None and head["base64"]:
        return True
    return _URI.match(text) is not None and not any(c.isspace() for c in text[:MAX_URI])


def from_data_url(uri: str, name: str, max_bytes: int) -> Material:
    """The bytes of a data URL (RFC 2397). Raises InvalidArguments, or TooLarge before anything large is decoded."""
    head = _DATA.match(uri[:200])
    if head is None:
        raise _invalid(name, "not a data URL: data:<type>/<subtype>;base64,<text>")
    text, kind = uri[head.end() :], plain_type(head["type"] or "text/plain")
    if head["base64"]:
        return Material(from_base64(text, name, max_bytes), kind, "a data URL")
    if len(text) > max_bytes * 3:  # a byte is three characters at most
        raise _too_large(name, max_bytes)
    return Material(bounded(unquote_to_bytes(text), name, max_bytes), kind, "a data URL")


def from_base64(text: str, name: str, max_bytes: int) -> bytes:
    """The bytes of base64 text; blanks and line breaks in it do not matter. Raises InvalidArguments, TooLarge."""
    text = "".join(text.split())
    if len(text) // 4 * 3 > max_bytes + 2:
        raise _too_large(name, max_bytes)
    try:
        return bounded(base64.b64decode(text, validate=True), name, max_bytes)
    except (binascii.Error, ValueError) as exc:
        raise _invalid(name, "not base64 (RFC 4648, with padding)") from exc


def bounded(content: bytes, name: str, max_bytes: int) -> bytes:
    """The content. Raises TooLarge."""
    if len(content) > max_bytes:
        raise _too_large(name, max_bytes)
    return content


def plain_type(media_type: str) -> str:
    """A media type in lower case and without parameters."""
    return media_type.partition(";")[0].strip().lower() or "application/octet-stream"


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "the host")[:100]


def _problem(name: str, problem: str) -> Mapping[str, object]:
    return {"problems": [{"field": name, "problem": problem}]}


def _invalid(name: str, problem: str) -> InvalidArguments:
    return InvalidArguments(f"{name}: {problem}", details=_problem(name, problem))


def _too_large(name: str, max_bytes: int) -> TooLarge:
    return TooLarge(f"{name}: more than {max_bytes} bytes", details={"field": name, "max_bytes": max_bytes})
