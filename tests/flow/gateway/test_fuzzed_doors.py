"""Nonsense at every door of a running federation: it is answered or dropped, and nobody else notices.

The nonsense is what a beginning becomes when a few of its bytes change; a seed makes it the same every time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bus import Bus, CallOptions, Federation, headers
from bus.errors import FederationError
from bus.message import Message
from gateway import Gateway
from tests import fuzz
from tests.flow.gateway.conftest import SUBJECT
from tests.support.nats import until

SEEDS = (1, 2, 3)
ROUNDS = 150
CORPUS = Path(fuzz.__file__).parent / "corpus"
FAILED = {"handler_failed", "call_failed", "request_failed"}
"""What the log calls an exception that nobody foresaw."""

ODD = (b"", b"\x00", b'"', b"{", b"\xff\xfe", b"9" * 40, b"-1", b"[" * 300)

pytestmark = pytest.mark.usefixtures("member")


def beginnings(*names: str) -> list[bytes]:
    return [file.read_bytes() for name in names for file in sorted((CORPUS / name).iterdir())]


def changed(begun: bytes, chance: random.Random) -> bytes:
    """With up to three places changed."""
    for _ in range(chance.randint(0, 3)):
        at = chance.randint(0, len(begun))
        put = chance.choice([*ODD, bytes([chance.randrange(256)])])
        begun = begun[:at] + put + begun[at + chance.randint(0, 6) :]
    return begun


@pytest.fixture
def noted() -> Iterator[list[MutableMapping[str, Any]]]:
    """Every line of the log."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture(params=SEEDS)
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


async def nobody_noticed(client: aiohttp.ClientSession, lines: list[MutableMapping[str, Any]]) -> None:
    """The next honest call is answered, and nothing failed in a way that nobody foresaw."""
    async with client.post(f"/mcp/call/{SUBJECT}/add", json={"left": 2, "right": 3}) as answer:
        assert (answer.status, await answer.json()) == (200, {"sum": 5})
    async with client.get(f"/mcp/resources/omega/directory/servers/{SUBJECT}") as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "active")
    assert not [line for line in lines if line["event"] in FAILED]


DOORS = {
    "register": ("omega.register.fuzzed.{token}", ("manifest",)),
    "heartbeat": ("omega.heartbeat.fuzzed.{token}", ("heartbeat",)),
    "leave": ("omega.leave.fuzzed.{token}", ("heartbeat", "question")),
    "directory": ("omega.directory.{verb}", ("question",)),
    "call": (f"omega.call.{SUBJECT}.{{token}}", ("posted", "spliced")),
    "call one instance": (f"omega.call.{SUBJECT}.{{token}}.add", ("spliced",)),
    "mcp": (f"omega.mcp.{SUBJECT}.any.tools.call.{{token}}", ("spliced",)),
    "mcp, another method": (f"omega.mcp.{SUBJECT}.any.{{token}}._", ("spliced",)),
    "cancel": (f"omega.cancel.{SUBJECT}.{{token}}", ("subject",)),
    "resync": ("omega.resync.fuzzed.{token}", ("heartbeat",)),
}
TOKENS = ("default", "a", "_", "add", "x" * 300, "é", "tools", "%00", "any")
VERBS = ("servers", "server", "search", "select", "tags", "tools", "stats", "nothing")
HEADERS = (
    (headers.STREAM, ("1", "2", "")),
    (headers.TIMEOUT_MS, ("100", "0", "-5", "9" * 400, "x", "1e3")),
    (headers.CHUNKS, ("1", "2", "9" * 5_000, "-1", "x")),
    (headers.CONTENT_TYPE, ("application/json", "application/msgpack", "text/html", "")),
    (headers.MCP_NAME, ("add", "=?base64?!!?=", "x" * 500)),
    (headers.MCP_METHOD, ("tools/call", "nothing")),
)


def some_headers(chance: random.Random) -> dict[str, str]:
    return {name: chance.choice(values) for name, values in HEADERS if chance.random() < 0.3}


@pytest.mark.parametrize("door", DOORS)
async def test_nonsense_on_the_bus_disturbs_nobody(
    door: str, bus: Bus, client: aiohttp.ClientSession, chance: random.Random, noted: list[MutableMapping[str, Any]]
) -> None:
    subject, names = DOORS[door]
    begun = beginnings(*names)
    before = len(asyncio.all_tasks())
    for _ in range(ROUNDS // 3):
        named = subject.format(token=chance.choice(TOKENS), verb=chance.choice(VERBS))
        body = changed(chance.choice(begun), chance)
        with suppress(FederationError):  # each is answered, or its deadline comes: none hangs
            async with asyncio.timeout(3):
                await bus.request(named, body, headers=some_headers(chance), timeout=0.15)
    await nobody_noticed(client, noted)
    await until(lambda: bus.waiting == 0, what="nobody waits for an answer")
    await until(lambda: len(asyncio.all_tasks()) <= before + 4, within=10, what="the tasks of nonsense end")


async def test_a_member_that_answers_with_nonsense_harms_that_call_only(
    bus: Bus, client: aiohttp.ClientSession, chance: random.Random, noted: list[MutableMapping[str, Any]]
) -> None:
    begun = beginnings("reply", "frames", "spliced")

    def answer(message: Message) -> None:
        for _ in range(chance.randint(1, 4)):
            told = {headers.FRAME: chance.choice(("accepted", "event", "alive", "chunk", "result", "nothing"))}
            told |= {
                headers.INSTANCE: chance.choice(TOKENS),
                headers.CHUNK: chance.choice(("0", "1", "9" * 5_000, "x")),
            }
            told |= {headers.ERROR_CODE: "500"} if chance.random() < 0.2 else {}
            sent = {name: value for name, value in (told | some_headers(chance)).items() if chance.random() < 0.8}
            bus.send(message.reply, changed(chance.choice(begun), chance), headers=sent)

    bus.listen("omega.call.liar.*", answer, "liar")
    await bus.flush()
    federation = Federation(bus)
    for _ in range(ROUNDS):
        with suppress(FederationError):
            async with asyncio.timeout(3):
                await federation.call_bytes("liar", "tell", b"{}", CallOptions(timeout=0.1))
    await nobody_noticed(client, noted)
    await until(lambda: bus.waiting == 0, within=10, what="nothing waits for the liar any more")


PATHS = (
    "/mcp",
    "/mcp/register",
    "/mcp/heartbeat",
    f"/mcp/call/{SUBJECT}/add",
    f"/servers/{SUBJECT}/mcp",
    "/mcp/resources/omega/directory/search?q=%ff&tag=",
    "/mcp/unregister/%2e%2e",
)


async def test_nonsense_over_http_disturbs_nobody(
    gateway: Gateway, client: aiohttp.ClientSession, chance: random.Random, noted: list[MutableMapping[str, Any]]
) -> None:
    begun = beginnings("spliced", "manifest", "posted", "heartbeat")
    port = int(gateway.url.rpartition(":")[2])
    for _ in range(ROUNDS):
        body = changed(chance.choice(begun), chance)
        head = (
            f"{chance.choice(('POST', 'POST', 'GET', 'DELETE', 'PUT'))} {chance.choice(PATHS)} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: {chance.choice(('2026-07-28', '2025-11-25', 'x'))}\r\n"
            f"X-Omega-Timeout-Ms: 200\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode()
        sent = changed(head, chance) if chance.random() < 0.3 else head
        await _exchanged(port, sent + body)
    await nobody_noticed(client, noted)


async def _exchanged(port: int, sent: bytes) -> None:
    """Send it, say no more, and read to the end: an answer, or the end of the connection, within seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
    writer.close()
