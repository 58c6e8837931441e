"""Who asks reaches the tool as the gateway found out, and nothing that a client sends can pass for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context as SdkContext
from mcp_types import CallToolResult, ElicitRequest, ElicitRequestFormParams, InputRequiredResult, TextContent
from pydantic import SecretStr

from bus import Bus, BusSettings, Message
from directory import Directory
from gateway import Gateway
from members import Member, current_caller
from tests.flow.gateway.access.conftest import CLOSED, OPEN, Keys
from tests.flow.gateway.access.test_scopes import Holder
from tests.support.federation import running_member
from tests.support.http_mcp import Caller
from tests.support.keys import revoke
from tests.support.nats import until

FORGED = {
    "Omega-Caller": "root",
    "omega-caller": "root",
    "Omega-Caller-Scopes": "admin",
    "OMEGA-CALLER": "root",
    "X-Omega-Caller": "root",
}


@pytest.fixture
async def heard(bus: Bus) -> list[Message]:
    """Everything that is said on the bus below the federation's prefix."""
    messages: list[Message] = []
    bus.listen("omega.>", messages.append)
    await bus.flush()
    return messages


async def test_headers_that_claim_an_identity_are_dropped_on_every_way(
    gateway: Gateway, client: aiohttp.ClientSession, keys: Keys, heard: list[Message]
) -> None:
    shown = {**(await keys("alice", "call discover")), **FORGED}
    for url in (f"/mcp/call/{OPEN}/who", f"{gateway.door_urls[CLOSED]}/mcp/call/who"):
        async with client.post(url, json={}, headers=shown) as answer:
            assert (await answer.json())["caller"] == "alice"
    for path, name in ((f"/servers/{OPEN}/mcp", "who"), ("/mcp", f"{OPEN}__who")):
        tricks = {"Mcp-Param-Omega-Caller": "root", "Mcp-Param-": "x"} if path != "/mcp" else {}
        told = await Holder(client, path, {**shown, **tricks}).modern("tools/call", {"name": name, "arguments": {}})
        if "result" in told.last:
            assert told.last["result"]["structuredContent"]["caller"] == "alice"
        else:
            assert told.last["error"]["code"] == -32020  # a parameter's header that mirrors nothing
    called = [message for message in heard if "Omega-Caller" in message.headers]
    assert called
    assert {message.headers["Omega-Caller"] for message in called} == {"alice"}
    assert {message.headers["Omega-Caller-Scopes"] for message in called} == {"call discover"}


async def test_no_credentials_of_a_client_are_ever_on_the_bus(
    client: aiohttp.ClientSession, keys: Keys, heard: list[Message]
) -> None:
    shown = await keys("alice", "admin")
    secret = shown["Authorization"].removeprefix("Bearer ")
    async with client.post(f"/mcp/call/{OPEN}/who", json={}, headers=shown):
        pass
    await Holder(client, "/mcp", shown).modern("tools/call", {"name": f"{OPEN}__who", "arguments": {}})
    legacy = Holder(client, f"/servers/{OPEN}/mcp", shown)
    await legacy.initialize()
    await legacy.legacy("tools/call", {"name": "who", "arguments": {}})
    async with client.post("/mcp/register", json={"id": "x", "name": "x", "version": "1.0.0"}, headers=shown) as answer:
        assert answer.status == 200
    async with client.get("/mcp/resources/omega/directory/servers", headers={"Authorization": "Bearer wrong.secret"}):
        pass
    await until(lambda: any(message.subject.startswith("omega.gateway.register.x") for message in heard))
    assert len(heard) > 8
    for message in heard:
        text = f"{message.subject} {dict(message.headers)} {message.data!r}"
        assert secret not in text
        assert secret[4:20] not in text
        assert "wrong.secret" not in text
        assert "authorization" not in {name.lower() for name in message.headers}


async def test_who_registers_is_told_to_the_directory_by_the_gateway_alone(
    client: aiohttp.ClientSession, keys: Keys, heard: list[Message]
) -> None:
    shown = {**(await keys("alice", "register")), **FORGED}
    async with client.post("/mcp/register", json={"id": "x", "name": "x", "version": "1.0.0"}, headers=shown) as answer:
        assert answer.status == 200
    await until(lambda: any(message.subject.startswith("omega.gateway.register.x") for message in heard))
    told = [message for message in heard if message.subject.startswith("omega.gateway.register.x")]
    assert [message.headers.get("Omega-Caller") for message in told] == ["alice"]


class TestTheSdksOwnServer:
    """A member that serves a server object of its own learns of the caller as the SDK tells it."""

    @pytest.fixture
    async def foreign(self, directory: Directory, settings: BusSettings) -> AsyncIterator[str]:
        server: MCPServer[Any] = MCPServer("foreign", log_level="WARNING")

        @server.tool()
        def whose() -> dict[str, Any]:
            """Whose token it is, from a thread."""
            token = get_access_token()
            if token is None:
                return {"client": None}
            return {"client": token.client_id, "scopes": token.scopes, "token": token.token, "subject": token.subject}

        async with running_member(Member("foreign", server=server), settings):
            yield "foreign"

    async def test_the_access_token_names_the_caller_and_is_no_token(
        self, foreign: str, client: aiohttp.ClientSession, keys: Keys
    ) -> None:
        holder = Holder(client, f"/servers/{foreign}/mcp", await keys("alice", "call discover"))
        told = await holder.modern("tools/call", {"name": "whose", "arguments": {}})
        assert told.last["result"]["structuredContent"] == {
            "client": "alice",
            "scopes": ["call", "discover"],
            "token": "",
            "subject": "alice",
        }

    async def test_a_call_for_nobody_has_no_token(self, foreign: str, bus: Bus) -> None:
        reply = await bus.request(f"omega.call.{foreign}.whose", b"{}")
        assert reply.data == b'{"client":null}'


async def test_a_call_from_the_bus_is_for_nobody_in_particular(bus: Bus, houses: None) -> None:
    for tool in ("who", "who_by_context"):
        reply = await bus.request(f"omega.call.{OPEN}.{tool}", b"{}")
        assert b'"caller":null' in reply.data


class TestSessions:
    """A legacy session belongs to whom it was opened by."""

    async def test_another_principal_with_a_stolen_session_finds_none(
        self, client: aiohttp.ClientSession, keys: Keys
    ) -> None:
        alice = Holder(client, "/mcp", await keys("alice", "call discover"))
        await alice.initialize()
        mallory = Holder(client, "/mcp", await keys("mallory", "admin"))
        mallory.session, mallory.version = alice.session, alice.version
        assert (await mallory.legacy("tools/list")).status == 404
        answer = {"jsonrpc": "2.0", "id": "omega-00000000-0000000000000000", "result": {}}
        assert (await mallory.post(answer)).status == 404
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        assert (await mallory.post(cancel)).status == 404
        for method in ("GET", "DELETE"):
            async with client.request(method, "/mcp", headers={**mallory.legacy_head(), **mallory.shown}) as found:
                assert found.status == 404
        assert (await alice.legacy("tools/list")).status == 200

    async def test_a_session_is_nothing_without_the_key_that_opened_it(
        self, client: aiohttp.ClientSession, keys: Keys
    ) -> None:
        alice = Holder(client, "/mcp", await keys("alice", "call discover"))
        await alice.initialize()
        nobody = Caller(client, "/mcp", alice.session, alice.version)
        assert (await nobody.legacy("tools/list")).status == 401

    async def test_another_key_of_the_same_principal_goes_on_with_its_session(
        self, client: aiohttp.ClientSession, keys: Keys
    ) -> None:
        alice = Holder(client, "/mcp", await keys("alice", "call discover"))
        await alice.initialize()
        alice.shown = await keys("alice", "call discover")
        assert (await alice.legacy("tools/list")).status == 200


async def test_a_stream_ends_when_its_key_is_revoked(
    bus: Bus, gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = await keys("alice", "call discover")
    legacy = Holder(client, "/mcp", shown)
    await legacy.initialize()
    head = {**legacy.legacy_head(), **shown, "Accept": "text/event-stream"}
    async with client.get("/mcp", headers=head) as answer:
        assert answer.status == 200
        await until(lambda: gateway.mcp.census.streams == 1)
        await revoke(bus, shown["Authorization"][7:])
        await until(lambda: gateway.mcp.census.streams == 0, within=2.5, what="the stream is closed")


class TestWhatAClientGetsToKeep:
    """The state of a request that goes over several rounds is good for the principal it was given to."""

    @pytest.fixture
    async def asking(self, directory: Directory, settings: BusSettings) -> AsyncIterator[str]:
        shared = SecretStr("a key that all instances share and long enough")
        member = Member("asking", state_keys=shared, heartbeat_interval_s=0.5)

        @member.mcp.tool()
        async def ask(ctx: SdkContext[Any, Any]) -> Any:
            """Ask once, then tell who answered."""
            if ctx.request_state is None:
                question = ElicitRequest(
                    params=ElicitRequestFormParams(
                        message="yes?", requested_schema={"type": "object", "properties": {"ok": {"type": "boolean"}}}
                    )
                )
                return InputRequiredResult(input_requests={"q": question}, request_state="round two")
            caller = current_caller()
            return CallToolResult(content=[TextContent(type="text", text=str(caller and caller.name))])

        async with running_member(member, settings):
            yield member.id

    async def test_another_principal_with_a_stolen_state_is_refused(
        self, asking: str, client: aiohttp.ClientSession, keys: Keys
    ) -> None:
        path, call = f"/servers/{asking}/mcp", {"name": "ask", "arguments": {}}
        can = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
        alice = Holder(client, path, await keys("alice", "call"))
        first = (await alice.modern("tools/call", call, **can)).last["result"]
        assert first["resultType"] == "input_required"
        answers = {"q": {"action": "accept", "content": {"ok": True}}}
        second = {**call, "inputResponses": answers, "requestState": first["requestState"]}
        mallory = Holder(client, path, await keys("mallory", "admin"))
        assert "error" in (await mallory.modern("tools/call", second, **can)).last
        told = (await alice.modern("tools/call", second, **can)).last
        assert told["result"]["content"][0]["text"] == "alice"
