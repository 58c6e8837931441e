"""Bad input over HTTP, row by row: what was sent, and the status, code and words it is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import aiohttp
import orjson
import pytest

from bus.errors import leaves
from members import Member
from tests.flow.gateway.conftest import SUBJECT

GOOD = {"id": "fresh", "name": "Fresh"}
CALL = f"/mcp/call/{SUBJECT}"


@dataclass(frozen=True)
class Row:
    path: str
    body: bytes
    status: int
    code: str
    says: str
    content_type: str = "application/json"
    timeout_ms: str = "5000"
    method: str = "POST"


def _json(value: object) -> bytes:
    return orjson.dumps(value)


def _nested(depth: int) -> bytes:
    return b'{"id":"fresh","name":"Fresh","x":' + b'{"x":' * depth + b"1" + b"}" * depth + b"}"


ROWS = {
    "no JSON": Row("/mcp/register", b"not json", 400, "malformed", "not JSON"),
    "JSON cut off": Row("/mcp/register", b'{"id": "fre', 400, "malformed", "not JSON"),
    "not UTF-8": Row("/mcp/register", b'{"id": "\xff"}', 400, "malformed", "not JSON"),
    "a list": Row("/mcp/register", b"[]", 400, "malformed", "not an object"),
    "nothing at all": Row("/mcp/register", b"", 400, "invalid_request", "id"),
    "a wrong type": Row("/mcp/register", _json({**GOOD, "tags": "code"}), 400, "invalid_request", "tags"),
    "a wrong type inside": Row("/mcp/register", _json({**GOOD, "tags": ["a", 1]}), 400, "invalid_request", "tags.1"),
    "a number for a name": Row("/mcp/register", _json({"id": "fresh", "name": 5}), 400, "invalid_request", "name"),
    "no id": Row("/mcp/register", _json({"name": "Fresh"}), 400, "invalid_request", "id"),
    "no name": Row("/mcp/register", _json({"id": "fresh"}), 400, "invalid_request", "name"),
    "id *": Row("/mcp/register", _json({**GOOD, "id": "*"}), 400, "invalid_request", "id"),
    "id >": Row("/mcp/register", _json({**GOOD, "id": ">"}), 400, "invalid_request", "id"),
    "id a.b": Row("/mcp/register", _json({**GOOD, "id": "a.b"}), 400, "invalid_request", "id"),
    "id of 65 characters": Row("/mcp/register", _json({**GOOD, "id": "a" * 65}), 400, "invalid_request", "64"),
    "id with a space": Row("/mcp/register", _json({**GOOD, "id": "a b"}), 400, "invalid_request", "id"),
    "id a number": Row("/mcp/register", _json({**GOOD, "id": 7}), 400, "invalid_request", "id"),
    "instance any": Row("/mcp/register?instance=any", _json(GOOD), 400, "invalid_request", "any"),
    "instance *": Row("/mcp/register?instance=*", _json(GOOD), 400, "invalid_request", "instance"),
    "an unknown parameter": Row("/mcp/register?force=1", _json(GOOD), 400, "invalid_request", "force"),
    "an endpoint that is no URL": Row(
        "/mcp/register", _json({**GOOD, "endpoints": {"mcp": "javascript:1"}}), 400, "invalid_request", "endpoints"
    ),
    "20 MB": Row("/mcp/register", b" " * 20_000_000, 413, "too_large", "16777216"),
    "more than NATS carries": Row("/mcp/register", _json({**GOOD, "x": "y" * 2_000_000}), 413, "too_large", "carries"),
    "a manifest nested 1,000 deep": Row("/mcp/register", _nested(1_000), 400, "malformed", "deeper than 32"),
    "a manifest nested 100,000 deep": Row("/mcp/register", _nested(100_000), 400, "malformed", "JSON"),
    "10,000 tags": Row(
        "/mcp/register", _json({**GOOD, "tags": [f"t{n}" for n in range(10_000)]}), 400, "invalid_request", "256"
    ),
    "a form": Row("/mcp/register", b"id=a", 415, "unsupported_media_type", "form", "application/x-www-form-urlencoded"),
    "plain text": Row("/mcp/register", _json(GOOD), 415, "unsupported_media_type", "text/plain", "text/plain"),
    "another charset": Row(
        "/mcp/register", _json(GOOD), 415, "unsupported_media_type", "utf-16", "application/json; charset=utf-16"
    ),
    "a signed manifest that is none": Row("/mcp/register", _json({"signed": "x"}), 400, "invalid_request", "signed"),
    "a token of nonsense": Row("/mcp/register", _json({"signed": "a.b.c"}), 400, "malformed", "signed"),
    "an id that is null": Row("/mcp/register", _json({**GOOD, "id": None}), 400, "invalid_request", "id"),
    "a number as text": Row(
        "/mcp/register", _json({**GOOD, "heartbeat_interval_s": "30"}), 400, "invalid_request", "heartbeat_interval_s"
    ),
    "a heartbeat of nobody": Row("/mcp/heartbeat", _json({"service_id": "nobody"}), 404, "unknown_member", "nobody"),
    "a heartbeat without a name": Row("/mcp/heartbeat", b"{}", 400, "invalid_request", "service_id"),
    "a heartbeat of *": Row("/mcp/heartbeat", _json({"service_id": "*"}), 400, "invalid_request", "service_id"),
    "a heartbeat that is no JSON": Row("/mcp/heartbeat", b"beat", 400, "malformed", "JSON"),
    "unregistering nobody": Row("/mcp/unregister/nobody", b"", 404, "unknown_member", "nobody", method="DELETE"),
    "unregistering *": Row("/mcp/unregister/*", b"", 400, "invalid_request", "id", method="DELETE"),
    "an unknown member": Row("/mcp/call/nobody/add", b"{}", 404, "unknown_member", "nobody"),
    "a member *": Row("/mcp/call/*/add", b"{}", 400, "invalid_request", "service"),
    "an unknown tool": Row(f"{CALL}/nothing", b"{}", 404, "unknown_tool", "nothing"),
    "a tool of 129 characters": Row(f"{CALL}/{'t' * 129}", b"{}", 400, "invalid_request", "tool"),
    "a tool with a line break": Row(f"{CALL}/a%0Ab", b"{}", 400, "invalid_request", "tool"),
    "arguments against the schema": Row(
        f"{CALL}/add", _json({"left": "x", "right": 1}), 400, "invalid_arguments", "left"
    ),
    "an argument missing": Row(f"{CALL}/add", _json({"left": 1}), 400, "invalid_arguments", "right"),
    "arguments that are a list": Row(f"{CALL}/add", b"[1, 2]", 400, "malformed", "object"),
    "arguments that are no JSON": Row(f"{CALL}/add", b"{left: 1}", 400, "malformed", "JSON"),
    "arguments of 20 MB": Row(f"{CALL}/add", b" " * 20_000_000, 413, "too_large", "16777216"),
    "a tool that says no": Row(f"{CALL}/refuse", b"{}", 422, "tool_error", "Sunday"),
    "a tool that raises": Row(f"{CALL}/crash", b"{}", 500, "tool_crashed", ""),
    "a tool that hangs past its deadline": Row(
        f"{CALL}/wait", b"{}", 504, "deadline_exceeded", "0.3", timeout_ms="300"
    ),
    "a deadline that is no number": Row(f"{CALL}/add", b"{}", 400, "invalid_request", "Timeout-Ms", timeout_ms="soon"),
    "a deadline above the limit": Row(f"{CALL}/add", b"{}", 400, "invalid_request", "600000", timeout_ms="600001"),
    "no such path": Row("/mcp/nothing", b"{}", 404, "not_found", ""),
    "no such method": Row("/mcp/register", b"{}", 405, "method_not_allowed", "POST", method="PUT"),
}


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_bad_input_gets_its_own_clear_error(client: aiohttp.ClientSession, row: Row) -> None:
    sent = {"Content-Type": row.content_type, "X-Omega-Timeout-Ms": row.timeout_ms}
    async with client.request(row.method, row.path, data=BytesIO(row.body), headers=sent) as answer:
        body = await answer.json()
    assert (answer.status, body["error"]["code"]) == (row.status, row.code)
    assert row.says in body["error"]["message"]
    assert body["error"]["retryable"] is leaves()[row.code].retryable
    assert answer.headers["X-Request-Id"]
    assert "secret" not in str(body)


async def test_after_all_of_it_the_gateway_still_serves(client: aiohttp.ClientSession, member: Member) -> None:
    for row in ROWS.values():
        sent = {"Content-Type": row.content_type, "X-Omega-Timeout-Ms": row.timeout_ms}
        async with client.request(row.method, row.path, data=BytesIO(row.body), headers=sent) as answer:
            await answer.read()
    async with client.post(f"{CALL}/add", json={"left": 1, "right": 2}) as answer:
        assert await answer.json() == {"sum": 3}
    async with client.get("/mcp/resources/omega/directory/servers") as answer:
        assert [server["id"] for server in (await answer.json())["servers"]] == [SUBJECT]


async def test_a_registration_by_another_instance_does_not_displace_the_first(
    client: aiohttp.ClientSession, member: Member
) -> None:
    async with client.post("/mcp/register?instance=other", json={"id": SUBJECT, "name": "Other"}) as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "registered")
    async with client.get(f"/mcp/resources/omega/directory/servers/{SUBJECT}") as answer:
        assert len((await answer.json())["instances"]) == 2
    async with client.post(f"{CALL}/add", json={"left": 1, "right": 2}) as answer:
        assert answer.status == 200
