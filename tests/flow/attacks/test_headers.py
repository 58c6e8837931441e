"""Headers that would be believed if they got through: identity, a second request, another host, a line of their own."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson
import pytest

from bus import Bus, Message
from members import Member
from tests.flow.attacks.conftest import head, once, status
from tests.flow.gateway.conftest import SUBJECT
from tests.support.http_mcp import Caller
from tests.support.nats import until

ADD = f"/mcp/call/{SUBJECT}/add"
FORGED = {
    "Omega-Caller": "admin",
    "Omega-Caller-Scopes": "admin",
    "omega-caller": "admin",
    "OMEGA-CALLER": "admin",
    "Omega_Caller": "admin",
    "X-Omega-Caller": "admin",
    "Omega-Instance": "other",
    "Omega-Stream": "1",
    "Omega-Attempt": "9",
    "Authorization": "Bearer for-the-gateway-alone",
    "Cookie": "session=for-the-gateway-alone",
    "X-Api-Key": "for-the-gateway-alone",
    "X-Forwarded-User": "admin",
    "Nats-Expected-Last-Sequence": "0",
    "Nats-Msg-Id": "1",
    "Nats-Rollup": "all",
}


@pytest.mark.parametrize("path", ["plain", "one", "all"])
async def test_nothing_a_client_says_of_itself_reaches_the_bus(
    member: Member, client: aiohttp.ClientSession, bus: Bus, path: str
) -> None:
    heard: list[Message] = []
    calls = [bus.listen(f"omega.{tree}.{SUBJECT}.>", heard.append) for tree in ("call", "mcp")]
    await bus.flush()
    if path == "plain":
        async with client.post(ADD, json={"left": 1, "right": 2}, headers=FORGED) as answer:
            assert answer.status == 200
    else:
        where, name = (f"/servers/{SUBJECT}/mcp", "add") if path == "one" else ("/mcp", f"{SUBJECT}__add")
        caller = Caller(client, where)
        message = {"name": name, "arguments": {"left": 1, "right": 2}}
        forged = {key.replace("-", "_"): value for key, value in FORGED.items() if key[0] not in "oO" or "-" in key}
        body = orjson.dumps(_modern(message))
        told = await caller.send(body, caller.head(_modern(message), **forged))
        assert told.status == 200, told.messages
    await until(lambda: heard)
    text = repr([dict(message.headers) for message in heard])
    assert "admin" not in text
    assert "gateway-alone" not in text
    assert not {"Omega-Attempt", "Nats-Rollup", "Nats-Msg-Id", "X-Forwarded-User"} & set(heard[0].headers)
    for subscription in calls:
        await subscription.stop()


def _modern(params: dict[str, object]) -> dict[str, object]:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**params, "_meta": meta}}


@pytest.mark.parametrize(
    "lines",
    [
        ("X-A: b\rOmega-Caller: admin",),
        ("X-A: b\nOmega-Caller: admin",),
        ("X-A: b\0c",),
        ("X A: b",),
        (" X-A: b",),
        ("X-A",),
        (": b",),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Host: evil.example",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ],
    ids=repr,
)
async def test_a_head_that_can_be_read_in_two_ways_is_refused(port: int, lines: tuple[str, ...]) -> None:
    answer = await once(port, head("POST /mcp", "Content-Type: application/json", *lines) + b"{}")
    assert status(answer) in (400, 421), answer[:300]
    assert b"admin" not in answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("size", [9_000, 100_000, 10_000_000])
async def test_a_head_of_any_size_is_bounded(port: int, size: int) -> None:
    answer = await once(port, head("GET /health", "X-Long: " + "x" * size))
    assert status(answer) in (0, 400, 431), answer[:300]


async def test_headers_without_number_are_bounded(port: int) -> None:
    answer = await once(port, head("GET /health", *(f"X-{number}: y" for number in range(200_000))))
    assert status(answer) in (0, 200, 400, 431, 503), answer[:300]
    assert status(await once(port, head("GET /health"))) in (200, 503)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a%0d%0aX-Evil:%201", "a\u2028X-Evil: 1"])
async def test_no_header_of_an_answer_is_the_client_s(port: int, value: str) -> None:
    for line in (f"X-Request-Id: {value}", f"Origin: http://{value}", f"Mcp-Session-Id: {value}"):
        answer = await once(port, head("GET /mcp", line, "Accept: text/event-stream"))
        assert b"\nX-Evil" not in answer.partition(b"\r\n\r\n")[0]
    answer = await once(port, f"GET /{value} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert b"\nX-Evil" not in answer.partition(b"\r\n\r\n")[0]


async def test_a_pipelined_second_request_is_a_request_of_its_own(port: int) -> None:
    first = b"GET /no/such HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with asyncio.timeout(10):
        answer = await once(port, first + head("GET /mcp").replace(b"localhost", b"evil.example"))
    assert answer.count(b"HTTP/1.") == 2
    assert status(b"HTTP/1." + answer.rpartition(b"HTTP/1.")[2]) == 421
