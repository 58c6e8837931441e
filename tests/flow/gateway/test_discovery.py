from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway import Gateway, GatewaySettings
from members import Member
from tests.flow.gateway.conftest import SUBJECT
from tests.support.nats import until

ROOT = "/mcp/resources/omega/directory"


async def _get(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as answer:
        return answer.status, await answer.json()


async def test_a_member_of_the_bus_is_listed_with_endpoints_of_this_gateway(
    client: aiohttp.ClientSession, gateway: Gateway, member: Member
) -> None:
    status, page = await _get(client, f"{ROOT}/servers")
    assert status == 200
    (server,) = page["servers"]
    assert (server["id"], server["status"]) == (SUBJECT, "active")
    assert server["endpoints"] == {
        "mcp": f"{gateway.url}/servers/{SUBJECT}/mcp",
        "health": f"{gateway.url}/servers/{SUBJECT}/health",
    }
    assert (page["total"], page["page"], page["next_page"]) == (1, 1, None)


async def test_one_member_is_shown_as_its_manifest(client: aiohttp.ClientSession, member: Member) -> None:
    status, server = await _get(client, f"{ROOT}/servers/{SUBJECT}")
    assert status == 200
    assert server["name"] == "Subject"
    assert {tool["name"] for tool in server["tools"]} >= {"add", "shout"}
    assert server["endpoints"]["mcp"].endswith(f"/servers/{SUBJECT}/mcp")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=code", True),
        ("tag=code&tag=test", True),
        ("tag=code&tag=other", False),
        ("capability=testing", True),
        ("capability=repo.read", False),
        ("without_tag=code", False),
        ("version=%3E%3D2", False),
        ("status=stale", False),
        ("status=any&page=1&limit=1", True),
    ],
)
async def test_search_answers_with_what_matches_every_condition(
    client: aiohttp.ClientSession, member: Member, query: str, found: bool
) -> None:
    status, page = await _get(client, f"{ROOT}/search?{query}")
    assert status == 200
    assert [server["id"] for server in page["servers"]] == ([SUBJECT] if found else [])


async def test_search_finds_by_words_what_the_text_index_has_taken_in(
    client: aiohttp.ClientSession, member: Member
) -> None:
    async def found() -> bool:
        return bool((await _get(client, f"{ROOT}/search?q=subjct"))[1]["servers"])

    await until(found)


async def test_tags_come_with_counts(client: aiohttp.ClientSession, member: Member) -> None:
    status, body = await _get(client, f"{ROOT}/tags")
    assert (status, body["tags"]) == (200, [{"tag": "code", "count": 1}, {"tag": "test", "count": 1}])


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        ("search?tagg=code", 400, "invalid_request", "tagg"),
        ("search?page=two", 400, "invalid_request", "page"),
        ("search?limit=0", 400, "invalid_request", "limit"),
        ("search?status=alive", 400, "invalid_request", "status"),
        ("search?version=one", 400, "invalid_request", "version"),
        ("servers?q=a&q=b", 400, "invalid_request", "q"),
        ("tags?tag=a", 400, "invalid_request", "tag"),
        (f"servers/{SUBJECT}?page=1", 400, "invalid_request", "page"),
        ("servers/*", 400, "invalid_request", "id"),
        ("servers/a.b", 400, "invalid_request", "id"),
        (f"servers/{'a' * 65}", 400, "invalid_request", "id"),
        ("servers/nobody", 404, "unknown_member", "nobody"),
    ],
)
async def test_a_wrong_question_is_refused_with_the_name_of_what_is_wrong(
    client: aiohttp.ClientSession, path: str, status: int, code: str, named: str
) -> None:
    answered, body = await _get(client, f"{ROOT}/{path}")
    assert (answered, body["error"]["code"]) == (status, code)
    assert named in body["error"]["message"]


@pytest.mark.parametrize("gateway_settings", [GatewaySettings(port=0, doors={}, public_url="https://fed.example.org")])
async def test_endpoints_are_made_from_the_public_base_url(client: aiohttp.ClientSession, member: Member) -> None:
    _, server = await _get(client, f"{ROOT}/servers/{SUBJECT}")
    assert server["endpoints"]["mcp"] == f"https://fed.example.org/servers/{SUBJECT}/mcp"


async def test_the_health_of_a_member_is_a_path_of_its_own(client: aiohttp.ClientSession, member: Member) -> None:
    status, health = await _get(client, f"/servers/{SUBJECT}/health")
    assert (status, health["status"], health["id"], health["type"]) == (200, "healthy", SUBJECT, "tool")
    status, body = await _get(client, "/servers/nobody/health")
    assert (status, body["error"]["code"]) == (404, "unknown_member")
