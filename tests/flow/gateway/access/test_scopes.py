"""A narrowed key reaches what its scopes say, whichever way it goes: paths, MCP, discovery tools, doors."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from bus import Bus, Federation
from gateway import Gateway
from tests.flow.gateway.access.conftest import CLOSED, OPEN, Keys
from tests.support.http_mcp import Caller, Told
from tests.support.mcp import META

NARROW = f"call:member={OPEN}"
BY_TAG = "call:tag=open"
ONE_TOOL = f"call:tool={OPEN}/add"
ADD = {"left": 1, "right": 2}


class Holder(Caller):
    """A client that shows a key with everything it sends."""

    def __init__(self, http: aiohttp.ClientSession, path: str, shown: dict[str, str]) -> None:
        super().__init__(http, path)
        self.shown = shown

    async def send(self, body: bytes, head: dict[str, str], method: str = "POST") -> Told:
        return await super().send(body, {**head, **self.shown}, method)

    async def names(self, method: str, field: str, key: str = "name") -> list[str]:
        told = await self.modern(method)
        assert told.status == 200, told.last
        return sorted(item[key] for item in told.last["result"][field])


async def refused(told: Told, needed: str = "call") -> bool:
    assert told.status == 403, (told.status, told.last)
    assert f'scope="{needed}"' in told.headers["WWW-Authenticate"]
    assert told.last["error"]["data"]["code"] == "insufficient_scope"
    return True


@pytest.mark.parametrize("scopes", [NARROW, BY_TAG, ONE_TOOL, f"{ONE_TOOL} discover"])
async def test_the_plain_path_takes_what_is_allowed_and_nothing_else(
    client: aiohttp.ClientSession, keys: Keys, scopes: str
) -> None:
    shown = await keys("alice", scopes)
    async with client.post(f"/mcp/call/{OPEN}/add", json=ADD, headers=shown) as answer:
        assert await answer.json() == {"sum": 3}
    for path in (f"/mcp/call/{CLOSED}/add", "/mcp/call/nobody_at_all/add", f"/mcp/call/{OPEN.upper()}/add"):
        async with client.post(path, json=ADD, headers=shown) as answer:
            assert answer.status == 403, path
            assert (await answer.json())["error"]["code"] == "insufficient_scope"


async def test_the_scope_of_one_tool_does_not_reach_another(client: aiohttp.ClientSession, keys: Keys) -> None:
    shown = await keys("alice", ONE_TOOL)
    async with client.post(f"/mcp/call/{OPEN}/who", json={}, headers=shown) as answer:
        assert answer.status == 403


async def test_a_door_is_closed_to_a_key_for_another_member(
    gateway: Gateway, client: aiohttp.ClientSession, keys: Keys
) -> None:
    shown = await keys("alice", NARROW)
    async with client.post(f"{gateway.door_urls[CLOSED]}/mcp/call/add", json=ADD, headers=shown) as answer:
        assert answer.status == 403
    door = Holder(client, f"{gateway.door_urls[CLOSED]}/mcp", shown)
    await refused(await door.modern("tools/call", {"name": "add", "arguments": ADD}))
    await refused(await door.modern("tools/list"), "discover")


@pytest.mark.parametrize("scopes", [NARROW, BY_TAG])
async def test_the_federations_lists_show_what_may_be_used(
    client: aiohttp.ClientSession, keys: Keys, scopes: str
) -> None:
    holder = Holder(client, "/mcp?tools=all", await keys("alice", scopes))
    assert await holder.names("tools/list", "tools") == [f"{OPEN}__add", f"{OPEN}__who", f"{OPEN}__who_by_context"]
    assert await holder.names("prompts/list", "prompts") == [f"{OPEN}__greet"]
    assert await holder.names("resources/list", "resources", "uri") == [
        "omega://directory/servers",
        f"omega://member/{OPEN}/note://door",
    ]


async def test_the_scope_of_one_tool_shows_that_tool(client: aiohttp.ClientSession, keys: Keys) -> None:
    shown = await keys("alice", ONE_TOOL)
    whole = Holder(client, "/mcp?tools=all", shown)
    assert await whole.names("tools/list", "tools") == [f"{OPEN}__add"]
    assert await whole.names("prompts/list", "prompts") == []
    one = Holder(client, f"/servers/{OPEN}/mcp", shown)
    assert await one.names("tools/list", "tools") == ["add"]
    assert await one.names("prompts/list", "prompts") == []
    assert await one.names("resources/list", "resources", "uri") == []
    told = await one.modern("tools/call", {"name": "add", "arguments": ADD})
    assert told.last["result"]["structuredContent"] == {"sum": 3}
    await refused(await one.modern("tools/call", {"name": "who", "arguments": {}}))


NOTE = f"omega://member/{CLOSED}/note://door"
HALF = {"name": "a", "value": ""}
WAYS_IN = [
    ("/mcp", "tools/call", {"name": f"{CLOSED}__add", "arguments": ADD}),
    ("/mcp", "tools/call", {"name": "call_tool", "arguments": {"name": f"{CLOSED}__add", "arguments": ADD}}),
    (f"/mcp?server={CLOSED}", "tools/call", {"name": f"{CLOSED}__add", "arguments": ADD}),
    ("/mcp", "prompts/get", {"name": f"{CLOSED}__greet"}),
    ("/mcp", "resources/read", {"uri": NOTE}),
    ("/mcp", "completion/complete", {"ref": {"type": "ref/prompt", "name": f"{CLOSED}__greet"}, "argument": HALF}),
    ("/mcp", "completion/complete", {"ref": {"type": "ref/resource", "uri": NOTE}, "argument": HALF}),
    ("/mcp", "subscriptions/listen", {"notifications": {"resourceSubscriptions": [NOTE]}}),
    (f"/servers/{CLOSED}/mcp", "tools/call", {"name": "add", "arguments": ADD}),
    (f"/servers/{CLOSED}/mcp", "prompts/get", {"name": "greet"}),
    (f"/servers/{CLOSED}/mcp", "resources/read", {"uri": "note://door"}),
    (f"/servers/{CLOSED}/mcp", "tasks/get", {"taskId": "1"}),
    (f"/servers/{CLOSED}/mcp", "something/unheard-of", {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "method", "params"), WAYS_IN, ids=[f"{p} {m}" for p, m, _ in WAYS_IN])
@pytest.mark.parametrize("scopes", [f"{NARROW} discover", BY_TAG])
async def test_every_way_to_another_member_is_refused_before_the_bus_hears_of_it(
    bus: Bus, client: aiohttp.ClientSession, keys: Keys, path: str, method: str, params: dict[str, Any], scopes: str
) -> None:
    heard: list[str] = []
    shown = await keys("alice", scopes)
    bus.listen(f"omega.mcp.{CLOSED}.>", lambda message: heard.append(message.subject))
    await bus.flush()
    await refused(await Holder(client, path, shown).modern(method, params))
    await bus.flush()
    assert [subject for subject in heard if ".list" not in subject] == []


async def test_a_legacy_client_is_refused_in_the_same_ways(client: aiohttp.ClientSession, keys: Keys) -> None:
    holder = Holder(client, "/mcp?tools=all", await keys("alice", f"{NARROW} discover"))
    await holder.initialize()
    tools = (await holder.legacy("tools/list")).last["result"]["tools"]
    assert {tool["name"] for tool in tools} == {f"{OPEN}__add", f"{OPEN}__who", f"{OPEN}__who_by_context"}
    for method, params in [(m, p) for path, m, p in WAYS_IN if path == "/mcp" and not m.startswith("subscr")]:
        await refused(await holder.legacy(method, params))
    batch = Holder(client, "/mcp", holder.shown)
    await batch.initialize("2025-03-26")
    one = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": f"{OPEN}__add", "arguments": ADD}}
    two = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": f"{CLOSED}__add", "arguments": ADD}}
    told = await batch.post([one, two])
    assert told.status == 200
    assert told.last[0]["result"]["structuredContent"] == {"sum": 3}
    assert told.last[1]["error"]["data"]["code"] == "insufficient_scope"


async def test_a_name_given_twice_is_the_one_that_is_checked(client: aiohttp.ClientSession, keys: Keys) -> None:
    holder = Holder(client, f"/servers/{OPEN}/mcp", await keys("alice", ONE_TOOL))
    meta = orjson.dumps(META).decode()
    for first, second in (("add", "who"), ("who", "add")):
        params = f'{{"name":"{first}","arguments":{{"left":1,"right":2}},"name":"{second}","_meta":{meta}}}'
        body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'
        head = {**holder.head(orjson.loads(body)), "Mcp-Name": second}
        told = await holder.send(body.encode(), head)
        if second == "who":
            await refused(told)
        else:
            assert told.last["result"]["structuredContent"] == {"sum": 3}


async def test_the_discovery_tools_know_of_nothing_else(client: aiohttp.ClientSession, keys: Keys) -> None:
    holder = Holder(client, "/mcp", await keys("alice", ONE_TOOL))

    async def use(tool: str, **arguments: Any) -> Any:
        told = await holder.modern("tools/call", {"name": tool, "arguments": arguments})
        assert told.status == 200, told.last
        return told.last["result"]

    found = (await use("search_tools", query="add sum who greeting", limit=50))["structuredContent"]
    assert [tool["name"] for tool in found["tools"]] == [f"{OPEN}__add"]
    assert found["of"] == 1
    servers = (await use("list_servers"))["structuredContent"]
    assert [server["id"] for server in servers["servers"]] == [OPEN]
    for hidden in (f"{CLOSED}__add", f"{OPEN}__who"):
        told = await use("describe_tool", name=hidden)
        assert told["isError"]
        assert CLOSED not in told["content"][0]["text"].replace(hidden, "")
        assert "__who" not in told["content"][0]["text"].replace(hidden, "")


@pytest.mark.parametrize("scopes", [NARROW, BY_TAG, f"discover:member={OPEN}", "discover:tag=open", ONE_TOOL])
async def test_the_directory_shows_what_may_be_seen(client: aiohttp.ClientSession, keys: Keys, scopes: str) -> None:
    shown = await keys("alice", scopes)
    root = "/mcp/resources/omega/directory"

    async def get(path: str) -> tuple[int, Any]:
        async with client.get(path, headers=shown) as answer:
            return answer.status, await answer.json()

    for path in (f"{root}/servers", f"{root}/search?q=house", f"{root}/servers?status=any&limit=1"):
        status, told = await get(path)
        assert (status, [server["id"] for server in told["servers"]], told["total"]) == (200, [OPEN], 1), path
    assert (await get(f"{root}/tags"))[1] == {"tags": [{"tag": "open", "count": 1}]}
    assert (await get(f"{root}/servers/{OPEN}"))[0] == 200
    hidden, missing = await get(f"{root}/servers/{CLOSED}"), await get(f"{root}/servers/nobody_here")
    assert hidden[0] == missing[0] == 404
    texts = [orjson.dumps(told).decode() for _, told in (hidden, missing)]
    assert texts[0].replace(CLOSED, "X") == texts[1].replace("nobody_here", "X")
    assert (await get(f"/servers/{CLOSED}/health"))[0] == 404


async def test_the_directorys_resources_show_the_same(client: aiohttp.ClientSession, keys: Keys) -> None:
    holder = Holder(client, "/mcp", await keys("alice", NARROW))
    for uri in ("omega://directory/servers", "omega://directory/search?q=house"):
        told = await holder.modern("resources/read", {"uri": uri})
        servers = orjson.loads(told.last["result"]["contents"][0]["text"])["servers"]
        assert [server["id"] for server in servers] == [OPEN]
    told = await holder.modern("resources/read", {"uri": f"omega://directory/servers/{CLOSED}"})
    assert "error" in told.last


async def test_nobody_is_suggested_who_may_not_be_seen(client: aiohttp.ClientSession, keys: Keys) -> None:
    shown = await keys("alice", "call:member=closed_hous* call:member=open_house")
    narrow = await keys("bob", "call:member=closed_hous")
    async with client.post("/mcp/call/closed_hous/add", json=ADD, headers=narrow) as answer:
        assert answer.status == 404
        assert CLOSED not in await answer.text()
    one = Holder(client, "/servers/closed_hous/mcp", narrow)
    told = await one.modern("tools/call", {"name": "add", "arguments": ADD})
    assert CLOSED not in str(told.last)
    async with client.post(f"/mcp/call/{CLOSED}/add", json=ADD, headers=shown) as answer:
        assert answer.status == 200


async def test_registering_is_held_to_its_prefix(client: aiohttp.ClientSession, keys: Keys, bus: Bus) -> None:
    shown = await keys("alice", "register:prefix=team_")
    manifest = {"id": "team_one", "name": "One", "version": "1.0.0"}
    async with client.post("/mcp/register", json=manifest, headers=shown) as answer:
        assert answer.status == 200, await answer.text()
    async with client.post("/mcp/heartbeat", json={"service_id": "team_one"}, headers=shown) as answer:
        assert answer.status == 200, await answer.text()
    for method, path, body in (
        ("POST", "/mcp/register", {**manifest, "id": OPEN}),
        ("POST", "/mcp/register", {**manifest, "id": "Team_one"}),
        ("POST", "/mcp/heartbeat", {"service_id": OPEN}),
        ("DELETE", f"/mcp/unregister/{OPEN}", None),
    ):
        async with client.request(method, path, json=body, headers=shown) as answer:
            assert answer.status == 403, path
            assert (await answer.json())["error"]["code"] == "insufficient_scope"
    assert (await Federation(bus).server(OPEN))["name"] == OPEN
    async with client.delete("/mcp/unregister/team_one", headers=shown) as answer:
        assert answer.status == 200


async def test_a_refusal_is_told_to_the_trail_with_who_what_and_why_and_never_the_key(
    bus: Bus, client: aiohttp.ClientSession, keys: Keys
) -> None:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bus.listen(bus.subjects.events(), lambda message: told.put_nowait(orjson.loads(message.data)))
    await bus.flush()
    shown = await keys("alice", NARROW)
    wrong = {"Authorization": "Bearer omk_" + "B" * 43}
    async with client.post(f"/mcp/call/{CLOSED}/add", json=ADD, headers=shown), asyncio.timeout(5):
        event = await told.get()
    assert (event["kind"], event["caller"], event["member"]) == ("call-denied", "alice", CLOSED)
    assert event["code"] == "insufficient_scope"
    async with client.get("/metrics", headers=wrong), asyncio.timeout(5):
        event = await told.get()
    assert (event["kind"], event["peer"], event["path"]) == ("access-denied", "127.0.0.1", "/metrics")
    assert "B" * 20 not in str(event)


async def test_a_flood_of_refusals_is_told_in_a_few_events_that_count_the_others(
    bus: Bus, client: aiohttp.ClientSession, keys: Keys
) -> None:
    told: list[dict[str, Any]] = []
    bus.listen(bus.subjects.event("access-denied", "*"), lambda message: told.append(orjson.loads(message.data)))
    await bus.flush()
    for _ in range(100):
        async with client.get("/metrics") as answer:
            assert answer.status == 401
    await bus.flush()
    assert 1 <= len(told) < 30
