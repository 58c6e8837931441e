from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from bus import Bus
from members import Member
from tests.flow.gateway.conftest import SUBJECT

MANIFEST = {
    "id": "my_service_fastmcp",
    "name": "My Service",
    "description": "Custom service",
    "version": "1.0.0",
    "capabilities": ["custom_capability"],
    "tags": ["custom", "service"],
    "endpoints": {"mcp": "http://my-service:9600/mcp", "health": "http://my-service:9600/health"},
}


async def _post(client: aiohttp.ClientSession, path: str, body: object) -> tuple[int, Any]:
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def _delete(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.delete(path) as answer:
        return answer.status, await answer.json()


async def _listed(client: aiohttp.ClientSession) -> list[Any]:
    async with client.get("/mcp/resources/omega/directory/servers") as answer:
        servers: list[Any] = (await answer.json())["servers"]
        return servers


async def test_a_member_registers_over_http_and_is_listed_with_its_own_endpoints(client: aiohttp.ClientSession) -> None:
    status, confirmed = await _post(client, "/mcp/register", MANIFEST)
    assert (status, confirmed["status"], confirmed["id"]) == (200, "registered", "my_service_fastmcp")
    assert (confirmed["instance"], confirmed["heartbeat_interval_s"]) == ("default", 30.0)
    (server,) = await _listed(client)
    assert {key: server[key] for key in MANIFEST} == MANIFEST
    assert server["status"] == "active"


async def test_registering_again_says_whether_anything_changed(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register", MANIFEST)
    assert (await _post(client, "/mcp/register", MANIFEST))[1]["status"] == "unchanged"
    assert (await _post(client, "/mcp/register", {**MANIFEST, "version": "1.0.1"}))[1]["status"] == "updated"


async def test_other_names_of_id_and_name_are_taken(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register", {"service_id": "a", "display_name": "A"})
    (server,) = await _listed(client)
    assert (server["id"], server["name"]) == ("a", "A")


async def test_a_second_instance_joins_the_same_member(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register", MANIFEST)
    status, confirmed = await _post(client, "/mcp/register?instance=two", MANIFEST)
    assert (status, confirmed["instance"]) == (200, "two")
    (server,) = await _listed(client)
    assert {instance["id"] for instance in server["instances"]} == {"default", "two"}


async def test_a_heartbeat_is_taken_and_reaches_the_bus(client: aiohttp.ClientSession, bus: Bus) -> None:
    await _post(client, "/mcp/register", MANIFEST)
    heard: list[str] = []
    bus.listen("omega.gateway.heartbeat.>", lambda message: heard.append(message.subject))
    status, taken = await _post(client, "/mcp/heartbeat", {"service_id": "my_service_fastmcp"})
    await bus.flush()
    assert (status, taken["status"], taken["timestamp"][-1]) == (200, "ok", "Z")
    assert heard == ["omega.gateway.heartbeat.my_service_fastmcp.default"]


async def test_a_heartbeat_may_name_its_instance(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register?instance=two", MANIFEST)
    beat = {"id": "my_service_fastmcp"}
    assert (await _post(client, "/mcp/heartbeat", beat))[0] == 404
    assert (await _post(client, "/mcp/heartbeat", {**beat, "instance": "two"}))[0] == 200


async def test_a_heartbeat_of_nobody_is_not_found_so_that_it_registers_again(client: aiohttp.ClientSession) -> None:
    status, body = await _post(client, "/mcp/heartbeat", {"service_id": "my_service_fastmcp"})
    assert (status, body["error"]["code"]) == (404, "unknown_member")


async def test_a_member_that_unregisters_is_gone(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register", MANIFEST)
    status, left = await _delete(client, "/mcp/unregister/my_service_fastmcp")
    assert (status, left["status"], left["id"]) == (200, "left", "my_service_fastmcp")
    assert await _listed(client) == []
    status, body = await _delete(client, "/mcp/unregister/my_service_fastmcp")
    assert (status, body["error"]["code"]) == (404, "unknown_member")


async def test_one_instance_may_unregister_alone(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register", MANIFEST)
    await _post(client, "/mcp/register?instance=two", MANIFEST)
    status, left = await _delete(client, "/mcp/unregister/my_service_fastmcp?instance=two")
    assert (status, left["instances"]) == (200, ["two"])
    (server,) = await _listed(client)
    assert [instance["id"] for instance in server["instances"]] == ["default"]


async def test_a_member_of_the_bus_may_be_unregistered_by_hand(client: aiohttp.ClientSession, member: Member) -> None:
    status, left = await _delete(client, f"/mcp/unregister/{SUBJECT}")
    assert (status, left["status"]) == (200, "left")


async def test_an_older_life_is_in_conflict_with_a_newer(client: aiohttp.ClientSession) -> None:
    await _post(client, "/mcp/register", {**MANIFEST, "epoch": 2_000_000_000_000})
    status, body = await _post(client, "/mcp/register", {**MANIFEST, "epoch": 1_000_000_000_000, "version": "0.9.0"})
    assert (status, body["error"]["code"]) == (409, "conflict")


@pytest.mark.usefixtures("directory")
async def test_a_signed_manifest_travels_to_the_directory_as_it_is(client: aiohttp.ClientSession, bus: Bus) -> None:
    heard: list[bytes] = []
    bus.listen("omega.gateway.register.>", lambda message: heard.append(message.data))
    body = b'{ "signed": "e30.eyJpZCI6ImEifQ.c2ln" }'
    async with client.post("/mcp/register", data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 403
    await bus.flush()
    assert heard == [body]
