from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from bus import Bus, Message, headers
from gateway import GatewaySettings
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.support.nats import until

JSON = {"Content-Type": "application/json"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

pytestmark = pytest.mark.usefixtures("member")


async def _call(client: aiohttp.ClientSession, tool: str, body: object, **sent: str) -> tuple[int, Any]:
    headers = {name.replace("_", "-"): value for name, value in sent.items()}
    async with client.post(f"/mcp/call/{SUBJECT}/{tool}", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_bare_arguments_go_in_and_the_bare_result_comes_out(client: aiohttp.ClientSession) -> None:
    assert await _call(client, "add", {"left": 2, "right": 3}) == (200, {"sum": 5})


async def test_a_tool_without_arguments_needs_no_body(client: aiohttp.ClientSession, told: Told) -> None:
    told.go_on.set()
    async with client.post(f"/mcp/call/{SUBJECT}/wait") as answer:
        assert (answer.status, await answer.json()) == (200, {"went": "on"})


async def test_the_bytes_are_not_touched_on_either_way(client: aiohttp.ClientSession, bus: Bus) -> None:
    seen: list[Message] = []

    async def echo(message: Message) -> None:
        seen.append(message)
        bus.respond(message, b'{ "pi":  3.10, "big": 12345678901234567890123 }')

    await bus.subscribe("omega.call.raw.*", echo, "raw")
    body = b'{"a" : 1.0,\n "a":2}'
    async with client.post("/mcp/call/raw/echo", data=body, headers=JSON) as answer:
        assert await answer.read() == b'{ "pi":  3.10, "big": 12345678901234567890123 }'
    assert seen[0].data == body


async def test_only_known_headers_travel_on_and_none_becomes_an_identity(
    client: aiohttp.ClientSession, bus: Bus
) -> None:
    seen: list[Message] = []

    async def echo(message: Message) -> None:
        seen.append(message)
        bus.respond(message, b"{}")

    await bus.subscribe("omega.call.raw.*", echo, "raw")
    sent = {
        "Omega-Caller": "root",
        "Authorization": "Bearer secret",
        "Cookie": "session=secret",
        "traceparent": TRACE,
        "Idempotency-Key": "order-7",
        "X-Omega-Timeout-Ms": "1500",
    }
    async with client.post("/mcp/call/raw/echo", json={}, headers=sent) as answer:
        assert answer.status == 200
    (message,) = seen
    assert headers.CALLER not in message.headers
    assert "secret" not in str(message.headers)
    assert message.headers[headers.TRACEPARENT] == TRACE
    assert message.headers[headers.IDEMPOTENCY_KEY] == "order-7"
    assert int(message.headers[headers.TIMEOUT_MS]) <= 1500


async def test_a_client_that_leaves_cancels_its_call(client: aiohttp.ClientSession, told: Told) -> None:
    call = asyncio.create_task(_call(client, "wait", {}))
    async with asyncio.timeout(5):
        await told.started.wait()
        call.cancel()
        await told.cancelled.wait()
    assert not told.finished.is_set()


async def test_a_deadline_of_the_caller_ends_the_call_and_the_tool(client: aiohttp.ClientSession, told: Told) -> None:
    status, body = await _call(client, "wait", {}, X_Omega_Timeout_Ms="200")
    assert (status, body["error"]["code"]) == (504, "deadline_exceeded")
    async with asyncio.timeout(5):
        await told.cancelled.wait()


@pytest.mark.parametrize(
    "gateway_settings", [GatewaySettings(port=0, doors={}, call_timeout_s=0.2, max_call_timeout_s=5)]
)
async def test_a_call_without_a_deadline_has_that_of_the_settings(client: aiohttp.ClientSession) -> None:
    assert (await _call(client, "wait", {}))[0] == 504
    status, body = await _call(client, "add", {"left": 1, "right": 1}, X_Omega_Timeout_Ms="5001")
    assert (status, body["error"]["code"], body["error"]["details"]) == (400, "invalid_request", {"limit": 5000})


async def test_the_outcome_of_calls_is_counted(client: aiohttp.ClientSession) -> None:
    await _call(client, "add", {"left": 1, "right": 1})
    await _call(client, "nothing", {})
    async with client.get("/metrics") as answer:
        text = await answer.text()
    assert 'omega_gateway_calls_total{outcome="ok"} 1.0' in text
    assert 'omega_gateway_calls_total{outcome="unknown_tool"} 1.0' in text
    assert "omega_gateway_calls_in_flight 0.0" in text


async def test_many_calls_run_at_once(client: aiohttp.ClientSession, told: Told) -> None:
    calls = [asyncio.create_task(_call(client, "wait", {})) for _ in range(32)]

    async def all_there() -> bool:
        async with client.get("/metrics") as answer:
            return "omega_gateway_calls_in_flight 32.0" in await answer.text()

    await until(all_there)
    told.go_on.set()
    assert {status for status, _ in await asyncio.gather(*calls)} == {200}
