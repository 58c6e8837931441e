"""Bodies that are too large or too deep, at every door that takes one: refused, and the next request is served."""

from __future__ import annotations

from io import BytesIO

import aiohttp
import msgpack
import orjson
import pytest

from bus import Bus, Instance
from bus.errors import FederationError, Malformed, Refused, TooLarge
from directory import Directory
from members import Member
from tests.flow.attacks.conftest import head, once, status
from tests.flow.gateway.conftest import SUBJECT
from tests.support.http_mcp import BOTH

DEEP = 200_000


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + b"1" + closing * depth


BOMBS = {
    "lists": b'{"x":' + nested(DEEP) + b"}",
    "objects": nested(DEEP, b'{"a":', b"}"),
    "lists without an end": b"[" * DEEP,
    "objects without an end": b'{"a":' * DEEP,
    "a batch of batches": b"[" + nested(300) + b"]",
}
PATHS = [f"/mcp/call/{SUBJECT}/add", "/mcp/register", "/mcp/heartbeat", "/mcp", f"/servers/{SUBJECT}/mcp"]


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_body_that_is_nested_too_deep_is_refused(client: aiohttp.ClientSession, path: str, bomb: bytes) -> None:
    sent = {"Content-Type": "application/json", "Accept": BOTH}
    async with client.post(path, data=BytesIO(bomb), headers=sent) as answer:
        assert answer.status == 400
    async with client.post(PATHS[0], json={"left": 1, "right": 2}) as answer:
        assert await answer.json() == {"sum": 3}


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("path", ["/mcp/call/add", f"/mcp/call/{SUBJECT}/add", "/mcp"])
async def test_so_is_one_at_a_door(port: int, path: str) -> None:
    for body in BOMBS.values():
        start = head(
            f"POST {path}", "Content-Type: application/json", f"Accept: {BOTH}", f"Content-Length: {len(body)}"
        )
        answer = await once(port, start + body)
        assert status(answer) in (400, 404), answer[:200]


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 99999999999999999999",
        "Content-Length: 17000000",
        "Content-Length: -1",
        "Content-Length: 1, 2",
        "Content-Length: 0x10",
        "Content-Length: +5",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
    ],
)
async def test_a_length_that_is_a_lie_is_refused(port: int, framing: str) -> None:
    start = head("POST /mcp", "Content-Type: application/json", framing)
    answer = await once(port, start + b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status(answer) in (400, 413), answer[:200]
    assert answer.count(b"HTTP/1.") == 1, "a second request was smuggled"


@pytest.mark.parametrize(
    "chunks",
    [
        b"fffffffffffffffff\r\nx\r\n0\r\n\r\n",
        b"-1\r\nx\r\n0\r\n\r\n",
        b"1 \n2\r\nx\r\n",
        b"g\r\nx\r\n0\r\n\r\n",
        b"1;" + b"x" * 100_000 + b"\r\na\r\n0\r\n\r\n",
    ],
)
async def test_chunks_that_are_none_are_refused(port: int, chunks: bytes) -> None:
    start = head("POST /mcp", "Content-Type: application/json", "Transfer-Encoding: chunked")
    answer = await once(port, start + chunks)
    assert status(answer) in (400, 408, 413), answer[:200]


# on the bus -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("application/json", BOMBS["lists"]),
        ("application/json", BOMBS["objects without an end"]),
        ("application/json", orjson.dumps({"id": "m", "name": "M", "x": orjson.Fragment(nested(100))})),
        ("application/msgpack", b"\x91" * 100_000 + b"\xc0"),
        ("application/msgpack", b"\x81\xa1x" * 10_000 + b"\xc0"),
        ("application/msgpack", b"\xdd\xff\xff\xff\xff"),
        ("application/msgpack", b"\xdf\xff\xff\xff\xff\xa1x"),
        ("application/msgpack", msgpack.packb({"id": "m", "name": "M", "x": [[[[[[[1]]]]]]] * 4}) + b"\xc1"),
    ],
)
@pytest.mark.parametrize("subject", ["omega.register.m", "omega.leave.m", "omega.directory.search"])
async def test_the_directory_refuses_what_is_nested_too_deep(
    bus: Bus, directory: Directory, subject: str, form: str, body: bytes
) -> None:
    with pytest.raises((Malformed, Refused)):
        await bus.request(subject, body, headers={"Content-Type": form}, timeout=5)


async def test_the_directory_refuses_a_manifest_that_is_too_large(bus: Bus, directory: Directory) -> None:
    manifest = orjson.dumps({"id": "m", "name": "M", "x": "y" * 300_000})
    with pytest.raises(TooLarge):
        await bus.request(bus.subjects.register(Instance("m")), manifest, timeout=5)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_member_refuses_arguments_that_are_nested_too_deep(bus: Bus, member: Member, bomb: bytes) -> None:
    with pytest.raises(FederationError) as refused:
        await bus.request(bus.subjects.call(SUBJECT, "add"), bomb, timeout=5)
    assert refused.value.http_status < 500
    left = await bus.request(bus.subjects.call(SUBJECT, "add"), b'{"left":1,"right":2}', timeout=5)
    assert orjson.loads(left.data) == {"sum": 3}
