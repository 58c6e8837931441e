"""NATS goes away and comes back; the gateway says so at once, and serves again by itself."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from members import Member
from tests.flow.gateway.conftest import SUBJECT, Told
from tests.support.nats import NatsServer, until

ROOT = "/mcp/resources/omega/directory"
ON_THE_BUS: list[tuple[str, str, object]] = [
    ("GET", f"{ROOT}/servers", None),
    ("GET", f"{ROOT}/servers/{SUBJECT}", None),
    ("GET", f"{ROOT}/search?tag=code", None),
    ("GET", f"{ROOT}/tags", None),
    ("GET", f"/servers/{SUBJECT}/health", None),
    ("GET", "/health/ready", None),
    ("POST", "/mcp/register", {"id": "fresh", "name": "Fresh"}),
    ("POST", "/mcp/heartbeat", {"service_id": SUBJECT}),
    ("DELETE", f"/mcp/unregister/{SUBJECT}", None),
    ("POST", f"/mcp/call/{SUBJECT}/add", {"left": 1, "right": 2}),
]


async def _timed(client: aiohttp.ClientSession, method: str, path: str, body: object) -> tuple[Any, Any, float]:
    began = time.monotonic()
    async with client.request(method, path, json=body) as answer:
        return answer, await answer.json(), time.monotonic() - began


async def _works_again(client: aiohttp.ClientSession) -> bool:
    async with client.post(f"/mcp/call/{SUBJECT}/add", json={"left": 1, "right": 2}) as answer:
        called = answer.status
    async with client.get(f"{ROOT}/servers") as answer:
        return called == answer.status == 200 and len((await answer.json())["servers"]) == 1


async def test_without_nats_every_path_of_the_bus_is_refused_within_a_second_and_serves_again_after(
    client: aiohttp.ClientSession, member: Member, nats_server: NatsServer
) -> None:
    assert await _works_again(client)
    nats_server.kill()
    for method, path, body in ON_THE_BUS:
        answer, error, seconds = await _timed(client, method, path, body)
        assert (answer.status, error["error"]["code"]) == (503, "bus_unavailable"), path
        assert error["error"]["retryable"] is True
        assert int(answer.headers["Retry-After"]) >= 1
        assert seconds < 1, path
    nats_server.start()
    await until(lambda: _works_again(client), within=20)


async def test_the_process_is_alive_but_not_healthy_without_nats(
    client: aiohttp.ClientSession, nats_server: NatsServer
) -> None:
    nats_server.kill()

    async def unhealthy() -> bool:
        async with client.get("/health") as answer:
            health = await answer.json()
        return answer.status == 503 and (health["status"], health["bus"]) == ("unhealthy", "away")

    await until(unhealthy)
    for path in ("/health/live", "/metrics", "/openapi.json", "/docs"):
        async with client.get(path) as answer:
            assert answer.status == 200, path


@pytest.mark.usefixtures("member")
async def test_a_frozen_nats_is_refused_within_a_second(client: aiohttp.ClientSession, nats_server: NatsServer) -> None:
    nats_server.pause()
    try:
        for path in (f"{ROOT}/servers", "/health/ready"):
            answer, error, seconds = await _timed(client, "GET", path, None)
            assert (answer.status, error["error"]["retryable"]) == (503, True)
            assert "Retry-After" in answer.headers
            assert seconds < 1.2
    finally:
        nats_server.resume()
    await until(lambda: _works_again(client), within=20)


async def test_a_question_in_flight_when_nats_goes_is_refused_as_one_that_was_never_asked(
    client: aiohttp.ClientSession, nats_server: NatsServer
) -> None:
    nats_server.pause()
    asked = asyncio.create_task(_timed(client, "GET", f"{ROOT}/servers", None))

    async def on_its_way() -> bool:
        async with client.get("/metrics") as answer:
            return "omega_gateway_requests_in_flight 2.0" in await answer.text()

    await until(on_its_way)
    nats_server.kill()
    answer, error, seconds = await asked
    assert (answer.status, error["error"]["code"]) == (503, "bus_unavailable")
    assert seconds < 1


@pytest.mark.usefixtures("member")
async def test_a_call_in_flight_when_nats_goes_is_told_that_its_outcome_is_unknown(
    client: aiohttp.ClientSession, nats_server: NatsServer, told: Told
) -> None:
    call = asyncio.create_task(_timed(client, "POST", f"/mcp/call/{SUBJECT}/wait", {}))
    async with asyncio.timeout(5):
        await told.started.wait()
        nats_server.kill()
        answer, error, _ = await call
    assert (answer.status, error["error"]["code"]) == (504, "outcome_unknown")
    assert error["error"]["retryable"] is False


async def test_without_a_directory_discovery_says_so(client: aiohttp.ClientSession, directory: Any) -> None:
    await directory.stop()
    for path in (f"{ROOT}/servers", "/health/ready"):
        answer, error, seconds = await _timed(client, "GET", path, None)
        assert (answer.status, error["error"]["code"]) == (503, "directory_unavailable")
        assert seconds < 1
    async with client.get("/health") as healthy:
        assert healthy.status == 200
