"""A member that answers in malformed frames harms the call it answers, and no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
import orjson
import pytest

from bus import Bus, BusSettings, Message
from directory import Directory
from gateway import Gateway, GatewaySettings
from members import Member
from tests.flow.gateway.conftest import Told
from tests.flow.gateway.mcp.conftest import KEY
from tests.support import mcp
from tests.support.federation import manifest
from tests.support.http_mcp import Caller
from tests.support.nats import until


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    return GatewaySettings(port=0, doors={}, drain_s=1, session_key=KEY)


@dataclass(frozen=True)
class Bad:
    """Frames as a hostile member sends them: headers, body."""

    name: str
    frames: tuple[tuple[dict[str, str], bytes], ...]
    code: int | None = None
    """Of the JSON-RPC error that a modern client is told; None: what the member said, as it said it."""
    timeout_ms: int = 300


RESULT = {"Omega-Frame": "result"}
FINE = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "content": []}})
HOSTILE = [
    Bad("a result that is no JSON", ((RESULT, b"{"),)),
    Bad("a result of nothing", ((RESULT, b""),)),
    Bad("a result that is a list", ((RESULT, b"[]"),)),
    Bad("a frame nobody knows", (({"Omega-Frame": "surprise"}, b"x"),), -32603),
    Bad("a piece without a number", (({"Omega-Frame": "chunk"}, b"x"),), -32603),
    Bad("a piece of a strange number", (({"Omega-Frame": "chunk", "Omega-Chunk": "one"}, b"x"),), -32603),
    Bad("pieces that never came", (({**RESULT, "Omega-Chunks": "3"}, b""),), -32603),
    Bad("less than no pieces", (({**RESULT, "Omega-Chunks": "-1"}, b""),), -32603),
    Bad("more pieces than memory", (({**RESULT, "Omega-Chunks": "9" * 30}, b""),), -32602),
    Bad("an event that is no JSON", (({"Omega-Frame": "event"}, b"\xff\xfe{"), (RESULT, FINE))),
    Bad("an event that is two lines", (({"Omega-Frame": "event"}, b'x\n\ndata: {"id":1}\n\n'), (RESULT, FINE))),
    Bad("an instance without a name", (({"Omega-Frame": "accepted", "Omega-Instance": ""}, b""),), -32603),
    Bad("an instance named everybody", (({"Omega-Frame": "accepted", "Omega-Instance": ">"}, b""),), -32603, 2_500),
    Bad("an instance of two words", (({"Omega-Frame": "accepted", "Omega-Instance": "a b 9"}, b""),), -32603, 2_500),
    Bad("an error nobody can read", (({"Nats-Service-Error-Code": "500", "Nats-Service-Error": "x"}, b"{"),), -32603),
    Bad("an error code that is none", (({"Nats-Service-Error-Code": "soon"}, b'{"error":7}'),), -32603),
    Bad("a JSON-RPC code that is no number", (({**RESULT, "Mcp-Error-Code": "many"}, b"{}"),), -32603),
    Bad("an unknown content type", (({**RESULT, "Content-Type": "image/png"}, b"{}"),)),
]


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_malformed_frames_harm_only_their_call(
    era: str, client: aiohttp.ClientSession, gateway: Gateway, bus: Bus, settings: BusSettings, waiter: Caller,
    directory: Directory, member: Member, told: Told,
) -> None:  # fmt: skip
    own = await Bus.connect(settings, name="hostile")
    turn: list[Bad] = []

    def answer(message: Message) -> None:
        frames = ((RESULT, DISCOVERED),) if ".server.discover" in message.subject else turn[0].frames
        for head, body in frames:
            own.send(message.reply, body, headers=head)

    subscription = own.listen(own.subjects.mcp_of("odd", "any"), answer, "odd")
    await own.flush()
    await bus.request("omega.register.odd.x", orjson.dumps(manifest("odd", heartbeat_interval_s=60)))
    odd = Caller(client, "/servers/odd/mcp")
    came_back: list[str] = []
    bus.on_return(lambda: came_back.append("the gateway's connection was lost"))
    if era == "legacy":
        await odd.initialize()
        await waiter.initialize()
    call = mcp.body("tools/call", {"name": "x"})
    plain = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}}

    async def hurt(bad: Bad) -> None:
        head = odd.head(call) if era == "modern" else odd.legacy_head()
        head["X-Omega-Timeout-Ms"] = str(bad.timeout_ms)
        async with (
            asyncio.timeout(10),
            client.post(odd.path, data=orjson.dumps(call if era == "modern" else plain), headers=head) as answered,
        ):
            body = await answered.read()
        if era == "modern" and bad.code is not None:
            assert orjson.loads(body)["error"]["code"] == bad.code, bad.name

    waiting = asyncio.create_task(waiter.modern("tools/call", {"name": "wait"}))
    async with asyncio.timeout(5):
        await told.started.wait()
    for bad in HOSTILE:
        turn[:] = [bad]
        await hurt(bad)
        healthy = await waiter.modern("tools/call", {"name": "add", "arguments": {"left": 1, "right": 2}})
        assert healthy.last["result"]["structuredContent"] == {"sum": 3}, bad.name
    told.go_on.set()
    assert (await waiting).last["result"]["structuredContent"] == {"went": "on"}
    assert not came_back
    await subscription.stop()
    await own.close()
    await until(lambda: bus.waiting == 0)


DISCOVERED = orjson.dumps(
    {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "supportedVersions": [], "capabilities": {}}}
)
