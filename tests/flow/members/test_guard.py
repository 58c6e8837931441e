"""The guarded fetcher over real sockets: what is checked is what is dialled, and no redirect leads around it."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from members.guard import MAX_REDIRECTS, BrokenOff, Fetcher, Forbidden, Policy, Unreachable

pytestmark = pytest.mark.timeout(30)

HERE = Policy(loopback=True)
Answering = Callable[[str], str]
"""What a server says to the request for a path."""


class OnlyTheFirst(Policy):
    """A policy for which 127.0.0.1 stands for the public network, and every other address of this machine for a
    forbidden one: so both can be listened on, and seen to be dialled or not."""

    def allows(self, ip: IPv4Address | IPv6Address) -> bool:
        return str(ip) == "127.0.0.1"


@dataclass
class Heard:
    """A server, and what it was asked."""

    port: int
    asked: list[str] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def server(
    answer: Answering, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Heard]:
    """An HTTP server written by hand, which closes after each answer."""
    heard = Heard(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.connections += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        heard.asked.append(f"{method} {path}")
        writer.write(answer(path).encode())
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, host, port, ssl=tls)
    heard.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield heard


def ok(_: str = "") -> str:
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def to(location: str, status: int = 307) -> Answering:
    return lambda _: (
        f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


@asynccontextmanager
async def fetcher(policy: Policy = HERE) -> AsyncIterator[Fetcher]:
    fetching = Fetcher(policy)
    try:
        yield fetching
    finally:
        await fetching.close()


async def fetched(fetching: Fetcher, url: str, method: str = "POST") -> bytes:
    body = b"{}" if method == "POST" else None
    async with fetching.open(method, url, headers={"Authorization": "Bearer secret"}, body=body, patience=5) as answer:
        return await answer.body(1_000)


ELSEWHERE = [
    "http://10.0.0.1/mcp",
    "http://192.168.1.1/mcp",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/mcp",
    "http://[::ffff:10.0.0.1]/mcp",
    "http://metadata.google.internal/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "//169.254.169.254/x",
    "http://93.184.216.34/mcp",
    "https://127.0.0.1:{port}/mcp",
    "http://127.0.0.1:1/mcp",
    "http://localhost:{port}/mcp",
    "http://user:secret@127.0.0.1:{port}/mcp",
    "http://127.0.0.1:{port}@evil.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/x",
]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("location", ELSEWHERE)
async def test_a_redirect_to_anywhere_else_is_not_followed(location: str, method: str) -> None:
    where: list[str] = []

    def elsewhere(path: str) -> str:
        return to(where[0])(path)

    async with server(elsewhere) as heard, fetcher() as fetching:
        where.append(location.format(port=heard.port))
        with pytest.raises(Forbidden) as refused:
            await fetched(fetching, f"http://127.0.0.1:{heard.port}/mcp", method)
        assert heard.asked == [f"{method} /mcp"]
        assert "secret" not in str(refused.value)


async def test_a_redirect_inside_the_origin_is_followed() -> None:
    async with server(lambda path: ok() if path == "/there" else to("/there")(path)) as heard, fetcher() as fetching:
        assert await fetched(fetching, f"http://127.0.0.1:{heard.port}/here") == b"ok"
        assert heard.asked == ["POST /here", "POST /there"]


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_that_would_change_a_post_is_an_answer_and_not_a_way(status: int) -> None:
    async with server(to("http://169.254.169.254/", status)) as heard, fetcher() as fetching:
        assert await fetched(fetching, f"http://127.0.0.1:{heard.port}/mcp") == b""
        assert heard.asked == ["POST /mcp"]


async def test_redirects_in_a_circle_come_to_an_end() -> None:
    async with server(to("/again")) as heard, fetcher() as fetching:
        with pytest.raises(Forbidden, match="redirects"):
            await fetched(fetching, f"http://127.0.0.1:{heard.port}/")
        assert len(heard.asked) == MAX_REDIRECTS + 1


async def test_a_redirect_from_https_to_http_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving, trusting = certified(tmp_path)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    async with server(ok) as plain, fetcher() as fetching:
        async with server(to(f"http://127.0.0.1:{plain.port}/"), tls=serving) as heard:
            with pytest.raises(Forbidden, match="origin"):
                await fetched(fetching, f"https://127.0.0.1:{heard.port}/")
            assert heard.asked == ["POST /"]
        assert plain.connections == 0


LOOPBACK_SPELLED = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@93.184.216.34/",
    "http://127.0.0.1%00:{port}/",
]


@pytest.mark.parametrize("url", LOOPBACK_SPELLED)
async def test_no_spelling_of_this_machine_is_dialled(url: str) -> None:
    async with server(ok) as heard, fetcher(Policy(private=True)) as fetching:
        with pytest.raises(Forbidden):
            await fetched(fetching, url.format(port=heard.port), "GET")
        assert heard.connections == 0


class HostileNames:
    """A resolver that answers differently each time it is asked; what it was asked is counted."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


@asynccontextmanager
async def two_machines(answer: Answering = ok) -> AsyncIterator[tuple[Heard, Heard]]:
    """An allowed and a forbidden one on the same port, as `OnlyTheFirst` sees them."""
    async with AsyncExitStack() as stack:
        allowed = await stack.enter_async_context(server(answer))
        try:
            forbidden = await stack.enter_async_context(server(ok, host="127.0.0.2", port=allowed.port))
        except OSError:
            pytest.skip("this machine has no 127.0.0.2, or its port is taken")
        yield allowed, forbidden


async def test_a_name_is_resolved_once_and_what_was_checked_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    names = HostileNames(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    async with two_machines() as (allowed, forbidden), fetcher(OnlyTheFirst()) as fetching:
        assert await fetched(fetching, f"http://rebinding.example:{allowed.port}/") == b"ok"
        assert (names.asked, allowed.connections, forbidden.connections) == (1, 1, 0)


async def test_a_name_that_changes_is_checked_again_before_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = HostileNames(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    async with two_machines() as (allowed, forbidden), fetcher(OnlyTheFirst()) as fetching:
        url = f"http://rebinding.example:{allowed.port}/"
        assert await fetched(fetching, url) == b"ok"
        await fetching.close()  # what it knew of names is forgotten, as it is after ten seconds
        with pytest.raises(Forbidden):
            await fetched(fetching, url)
        assert (names.asked, forbidden.connections) == (2, 0)


async def test_a_name_that_changes_between_two_redirects_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    names = HostileNames(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    async with two_machines(to("/again")) as (allowed, forbidden), fetcher(OnlyTheFirst()) as fetching:
        with pytest.raises(Forbidden):
            await fetched(fetching, f"http://rebinding.example:{allowed.port}/")
        assert forbidden.connections == 0


async def test_a_name_with_one_forbidden_address_among_others_is_refused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", HostileNames(["127.0.0.1", "127.0.0.2"]))
    async with two_machines() as (allowed, forbidden), fetcher(OnlyTheFirst()) as fetching:
        with pytest.raises(Forbidden) as refused:
            await fetched(fetching, f"http://both.example:{allowed.port}/")
        assert (allowed.connections, forbidden.connections) == (0, 0)
        assert "127.0.0" not in str(refused.value)


async def test_an_allowed_server_that_is_not_there_is_unreachable_and_not_forbidden() -> None:
    async with server(ok) as heard:
        pass
    async with fetcher() as fetching:
        with pytest.raises(Unreachable):
            await fetched(fetching, f"http://127.0.0.1:{heard.port}/")


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A TLS server for 127.0.0.1, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(both)
    return serving, ssl.create_default_context(cafile=str(both))


@pytest.mark.parametrize(
    "spelled",
    [
        "http://127.0.0.1.:{port}/",
        "http://LOCALHOST.:{port}/",
        "http://127。0。0。1:{port}/",
        "http://[::ffff:0:7f00:1]:{port}/",
    ],
)
async def test_no_other_way_of_writing_it_reaches_this_machine(spelled: str) -> None:
    async with server(ok) as heard, fetcher(Policy(private=True)) as fetching:
        with pytest.raises((Forbidden, Unreachable)):
            await fetched(fetching, spelled.format(port=heard.port), "GET")
        assert heard.connections == 0


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://127.0.0.1/", "ext::sh", "//169.254.169.254/"])
async def test_a_redirect_to_another_scheme_is_not_followed(location: str) -> None:
    async with server(to(location)) as heard, fetcher() as fetching:
        with pytest.raises(Forbidden):
            await fetched(fetching, f"http://127.0.0.1:{heard.port}/")
        assert len(heard.asked) == 1


async def test_an_answer_that_unpacks_to_far_more_than_it_is_ends_at_the_limit() -> None:
    packed = gzip.compress(b"\0" * (64 << 20))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\nConnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + packed)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    async with listening, fetcher() as fetching:
        tracemalloc.start()
        with pytest.raises((ValueError, BrokenOff)):
            await fetched(fetching, url, "GET")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 << 20
