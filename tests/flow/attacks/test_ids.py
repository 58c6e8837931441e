"""Ids that would be everybody, somewhere else, or somebody who only looks the same: refused over HTTP and NATS."""

from __future__ import annotations

from urllib.parse import quote

import aiohttp
import orjson
import pytest

from bus import Bus, Federation
from bus.errors import FederationError, InvalidRequest
from directory import Directory
from members import Member
from tests.flow.attacks.conftest import head, once, status
from tests.flow.gateway.conftest import SUBJECT

HOMOGRAPH = SUBJECT.replace("o", "\N{CYRILLIC SMALL LETTER O}")
IDS = {
    "a star": "*",
    "everything below": ">",
    "two words": "a.b",
    "nothing": "",
    "65 characters": "a" * 65,
    "a homograph": HOMOGRAPH,
    "full width": "ｓｕｂｊｅｃｔ",
    "an invisible letter": f"{SUBJECT}\u200b",
    "a tag": f"{SUBJECT}\U000e0041",
    "backwards": f"\u202e{SUBJECT}",
    "a line break": "a\nb",
    "a head": "a\r\nOmega-Caller: admin",
    "a zero byte": "a\0b",
    "a space": "a b",
    "the parent": "..",
    "a path": "../../etc/passwd",
    "a coded path": "..%2f..%2fetc%2fpasswd",
    "backslashes": "..\\..\\x",
    "a system subject": "$SYS",
    "a key of the bucket": "$KV.omega_registry.x",
}
ONE_TOKEN = {name: id for name, id in IDS.items() if id and not set(id) & set(" \r\n\0")}


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("id", IDS.values(), ids=IDS)
async def test_no_such_id_gets_anywhere_over_http(client: aiohttp.ClientSession, id: str) -> None:
    there = quote(id, safe="")
    tries = [
        ("POST", "/mcp/register", {"id": id, "name": "X"}),
        ("POST", "/mcp/heartbeat", {"service_id": id}),
        ("POST", f"/mcp/call/{there}/add", {}),
        ("DELETE", f"/mcp/unregister/{there}", None),
        ("GET", f"/mcp/resources/omega/directory/servers/{there}", None),
        ("POST", f"/servers/{there}/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
        ("POST", f"/mcp/register?instance={there}", {"id": "honest", "name": "X"}),
    ]
    for method, path, body in tries[: None if id else -1]:  # an empty instance is the one that has no name
        async with client.request(method, path, json=body) as answer:
            assert 400 <= answer.status < 500, (method, path, await answer.text())
    async with client.get("/mcp/resources/omega/directory/servers?status=any") as answer:
        assert [server["id"] for server in (await answer.json())["servers"]] == [SUBJECT]


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/mcp/../../etc/passwd",
        "/mcp/call/..%2f..%2fetc/passwd",
        "/mcp/call/%2e%2e/%2e%2e",
        "/mcp/call//add",
        "//etc/passwd",
        "/servers/..%5c..%5cx/mcp",
        "/docs/../../../../etc/passwd",
        "/%00",
        "/mcp/resources/omega/directory/servers/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "http://169.254.169.254/latest/meta-data/",
        "169.254.169.254:80",
        "*",
    ],
)
async def test_no_path_leads_out(port: int, path: str) -> None:
    for method in ("GET", "POST", "CONNECT"):
        answer = await once(port, head(f"{method} {path}", "Content-Length: 0"))
        assert 300 <= status(answer) < 500, (method, answer[:300])
        assert b"root:" not in answer


@pytest.mark.parametrize("id", ONE_TOKEN.values(), ids=ONE_TOKEN)
async def test_no_such_id_gets_anywhere_on_the_bus(bus: Bus, directory: Directory, id: str) -> None:
    wildcard = id in ("*", ">")
    for verb in ("register", "leave"):
        body = orjson.dumps({"id": id, "name": "X"} if verb == "register" else {})
        with pytest.raises(FederationError):
            await bus.request(f"omega.{verb}.{id}", body, timeout=0.5 if wildcard else 2)
    with pytest.raises(FederationError):
        await bus.request("omega.register.honest", orjson.dumps({"id": id, "name": "X"}), timeout=2)
    assert (await Federation(bus).ask("servers", {"status": "any"}))["servers"] == []


@pytest.mark.parametrize("id", IDS.values(), ids=IDS)
async def test_a_client_refuses_such_an_id_before_it_is_a_subject(bus: Bus, directory: Directory, id: str) -> None:
    federation = Federation(bus)
    for asked in (federation.call(id, "add"), federation.heartbeat(id), federation.leave(id), federation.server(id)):
        with pytest.raises(InvalidRequest):
            await asked
    with pytest.raises(InvalidRequest):
        await federation.register({"id": id, "name": "X"})


async def test_a_homograph_is_another_and_never_passes_for_the_member(bus: Bus, member: Member) -> None:
    assert HOMOGRAPH != SUBJECT
    with pytest.raises(InvalidRequest):
        Member(HOMOGRAPH)
