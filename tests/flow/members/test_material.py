"""Material over real sockets: from listed hosts, and from other members over NATS."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bus import BusSettings, Federation
from bus.errors import InvalidArguments, NotAllowed, NotFound, TooLarge, ToolError, UnknownMember
from members import Member
from members.material import Materials, Sources
from members.peers import Peers
from tests.support.federation import running_member

LIMIT = 3_000_000
LARGE = bytes(range(256)) * 8_000


class Site:
    """A web server on loopback that answers in telling ways."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.silent = asyncio.Event()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        match request.path:
            case "/plain":
                return web.Response(body=b"content", content_type="Text/CSV", charset="utf-8")
            case "/large":
                return web.Response(body=b"x" * (LIMIT + 1))
            case "/bomb":
                body = gzip.compress(b"\0" * (LIMIT * 20))
                return web.Response(body=body, headers={"Content-Encoding": "gzip"})
            case "/again":
                raise web.HTTPFound("/plain")
            case "/round":
                raise web.HTTPFound("/round")
            case "/away":
                raise web.HTTPFound("http://127.0.0.1:1/plain")
            case "/metadata":
                raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")
            case "/file":
                raise web.HTTPFound("file:///etc/passwd")
            case "/slow":
                return await self.slowly(request)
            case "/cut":
                return await self.cut(request)
        raise web.HTTPNotFound

    async def slowly(self, request: web.Request) -> web.StreamResponse:
        """Never the end of it, but always a little more."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await answer.write(b"x")
            await asyncio.sleep(0.05)  # the host's pace
        self.silent.set()
        return answer

    async def cut(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return answer


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    site.port = runner.addresses[0][1]
    yield site
    await runner.cleanup()


@asynccontextmanager
async def reading(*hosts: str, peers: Peers | None = None, timeout_s: float = 5) -> AsyncIterator[Materials]:
    materials = Materials(Sources(LIMIT, timeout_s, allowed_hosts=hosts), peers or Peers())
    try:
        yield materials
    finally:
        await materials.close()


# URLs ---------------------------------------------------------------------------------------------------------------


async def test_a_listed_host_is_read_also_over_http(site: Site) -> None:
    async with reading(site.host) as materials:
        found = await materials.read(site.url("/plain"), "image")
        assert (found.content, found.media_type, found.name) == (b"content", "text/csv", "127.0.0.1")
        assert (await materials.read(site.url("/again"), "image")).content == b"content"


async def test_a_host_that_is_not_listed_is_never_asked(site: Site) -> None:
    async with reading("127.0.0.1:1", "localhost") as materials:
        for url in (site.url("/plain"), f"https://{site.host}/plain"):
            with pytest.raises(NotAllowed, match="image: "):
                await materials.read(url, "image")
    assert site.asked == []


@pytest.mark.parametrize("path", ["/away", "/metadata", "/file", "/round"])
async def test_a_redirect_leads_nowhere_else(site: Site, path: str) -> None:
    async with reading(site.host) as materials:
        with pytest.raises(NotAllowed, match=r"image: .*redirect"):
            await materials.read(site.url(path), "image")
    assert set(site.asked) == {path}


@pytest.mark.parametrize("path", ["/large", "/bomb"])
async def test_a_body_above_the_limit_is_refused(site: Site, path: str) -> None:
    async with reading(site.host) as materials:
        with pytest.raises(TooLarge, match=f"image: more than {LIMIT} bytes"):
            await materials.read(site.url(path), "image")


async def test_a_host_that_drips_is_given_up_and_cut_off(site: Site) -> None:
    async with reading(site.host, timeout_s=0.4) as materials:
        with pytest.raises(ToolError, match=r"image: 127.0.0.1 could not be read"):
            await materials.read(site.url("/slow"), "image")
        async with asyncio.timeout(5):
            await site.silent.wait()


@pytest.mark.parametrize(("path", "words"), [("/missing", "HTTP 404"), ("/cut", "could not be read")])
async def test_a_host_that_fails_is_told_by_name(site: Site, path: str, words: str) -> None:
    async with reading(site.host) as materials:
        with pytest.raises(ToolError, match=words):
            await materials.read(site.url(path), "image")


async def test_a_host_that_is_not_there_is_told(site: Site) -> None:
    async with reading("127.0.0.1:1") as materials:
        with pytest.raises(ToolError, match=r"127.0.0.1 could not be read"):
            await materials.read("http://127.0.0.1:1/a", "image")


# resources of other members -----------------------------------------------------------------------------------------


def library() -> Member:
    """A member with resources of each kind."""
    member = Member("library", name="Library", tags=["files"])

    @member.mcp.resource("text://note", mime_type="text/plain")  # type: ignore[untyped-decorator]  # of the SDK
    def note() -> str:
        return "grüße"

    @member.mcp.resource("blob://large", mime_type="application/x-large")  # type: ignore[untyped-decorator]
    def large() -> bytes:
        return LARGE

    @member.mcp.resource("blob://too-large")  # type: ignore[untyped-decorator]
    def too_large() -> bytes:
        return LARGE * 2

    @member.mcp.resource("text://by/{name}")  # type: ignore[untyped-decorator]
    def by_name(name: str) -> str:
        return f"about {name}"

    return member


@pytest.fixture
async def peers(federation: Federation, settings: BusSettings) -> AsyncIterator[Peers]:
    """What a member sees of others, with the library running."""
    async with running_member(library(), settings), running_member(Member("reader"), settings) as reader:
        yield reader.peers


@pytest.mark.parametrize(
    ("uri", "content", "kind"),
    [
        ("omega://member/library/text://note", "grüße".encode(), "text/plain"),
        ("omega://member/library/blob://large", LARGE, "application/x-large"),
        ("omega://member/library/text://by/ada", b"about ada", "text/plain"),
    ],
    ids=["text", "blob of two megabytes", "template"],
)
async def test_a_resource_of_another_member_is_read(peers: Peers, uri: str, content: bytes, kind: str) -> None:
    async with reading(peers=peers) as materials:
        found = await materials.read(uri, "image")
    assert (found.content, found.media_type, found.name) == (content, kind, uri)


@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        ("omega://member/library/text://nothing", NotFound, "image: omega://member/library/text://nothing"),
        ("omega://member/library/blob://too-large", TooLarge, f"image: more than {LIMIT} bytes"),
        ("omega://member/library/", InvalidArguments, "image: a member's resource is called"),
        ("omega://member/a b/x", InvalidArguments, "image: a member's resource is called"),
        ("omega://member/nobody/text://note", UnknownMember, "nobody"),
    ],
)
async def test_what_is_not_there_is_told(peers: Peers, uri: str, error: type[Exception], words: str) -> None:
    async with reading(peers=peers) as materials:
        with pytest.raises(error, match=words):
            await materials.read(uri, "image")
