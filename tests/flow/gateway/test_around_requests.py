"""What every answer has, whatever the path: id, headers, guards, one error shape, a log line."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bus import Bus, Message
from bus.connection import AsyncHandler
from gateway import Gateway, GatewaySettings

SERVERS = "/mcp/resources/omega/directory/servers"


async def _raw(gateway: Gateway, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read until the server closes; status, headers in lower case, body."""
    parts = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    lines = head.decode().split("\r\n")
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
    return int(lines[0].split()[1]), headers, body


@pytest.mark.parametrize("path", [SERVERS, "/health", "/openapi.json", "/docs", "/", "/nothing"])
async def test_every_answer_binds_browsers(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Python" not in answer.headers["Server"]


async def test_a_request_keeps_its_id_in_the_answer_and_in_the_log(client: aiohttp.ClientSession) -> None:
    with capture_logs(processors=[merge_contextvars]) as logs:
        async with client.get(SERVERS, headers={"X-Request-Id": "trace-me-7"}) as answer:
            assert answer.headers["X-Request-Id"] == "trace-me-7"
    (line,) = [line for line in logs if line["event"] == "request"]
    assert (line["request_id"], line["status"], line["path"]) == ("trace-me-7", 200, SERVERS)


async def test_a_strange_request_id_is_replaced(client: aiohttp.ClientSession) -> None:
    async with client.get(SERVERS, headers={"X-Request-Id": "<script>"}) as answer:
        assert answer.headers["X-Request-Id"] != "<script>"


async def test_requests_are_counted_by_route_and_never_by_path(client: aiohttp.ClientSession) -> None:
    for path in ("/nothing/1", "/nothing/2", f"{SERVERS}/a", f"{SERVERS}/b"):
        async with client.get(path) as answer:
            assert answer.status == 404
    async with client.get("/metrics") as answer:
        text = await answer.text()
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'omega_gateway_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
    assert f'omega_gateway_requests_total{{method="GET",route="{SERVERS}/{{id}}",status="404"}} 2.0' in text
    assert "omega_gateway_bus_connected 1.0" in text


# who may ask ------------------------------------------------------------------------------------------------------


async def test_a_rebound_host_is_misdirected(client: aiohttp.ClientSession) -> None:
    async with client.get(SERVERS, headers={"Host": "evil.example.com"}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (421, "misdirected")


async def test_probes_answer_whatever_the_host_header_says(client: aiohttp.ClientSession) -> None:
    for path in ("/health/live", "/health/ready"):
        async with client.get(path, headers={"Host": "10.1.2.3:9405"}) as answer:
            assert answer.status == 200


async def test_a_page_of_a_foreign_origin_is_refused_and_nothing_happens(client: aiohttp.ClientSession) -> None:
    headers = {"Origin": "https://evil.example.com"}
    async with client.post("/mcp/register", json={"id": "a", "name": "A"}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "not_allowed")
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with client.get(SERVERS) as answer:
        assert (await answer.json())["servers"] == []


async def test_a_page_of_the_gateway_itself_may_ask(client: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with client.get(SERVERS, headers={"Origin": gateway.url}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "gateway_settings", [GatewaySettings(port=0, doors={}, allowed_origins=["https://app.example.org"])]
)
async def test_an_allowed_origin_may_ask_first_and_read_answers_and_errors(client: aiohttp.ClientSession) -> None:
    asked = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    async with client.options("/mcp/register", headers=asked) as answer:
        assert answer.status == 204
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    for path, status in ((SERVERS, 200), (f"{SERVERS}/nobody", 404)):
        async with client.get(path, headers={"Origin": "https://app.example.org"}) as answer:
            assert answer.status == status
            assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"


# one shape --------------------------------------------------------------------------------------------------------


async def test_a_method_that_is_not_taken_names_those_that_are(client: aiohttp.ClientSession) -> None:
    async with client.put("/mcp/register") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert (await answer.json())["error"]["code"] == "method_not_allowed"


async def test_head_is_get_without_the_body(client: aiohttp.ClientSession) -> None:
    async with client.head(SERVERS) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /mcp/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: ten\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["no request line", "no colon", "a header too long", "a length that is no number", "TLS on a plain port"],
)
async def test_a_request_that_cannot_be_parsed_gets_the_one_shape_too(gateway: Gateway, request_bytes: bytes) -> None:
    status, headers, body = await _raw(gateway, request_bytes)
    assert (status, headers["content-type"].partition(";")[0]) == (400, "application/json")
    assert orjson.loads(body)["error"]["code"] == "malformed"


async def test_a_defect_is_one_of_ours_and_keeps_its_details_in_the_log(bus: Bus) -> None:
    await bus.subscribe("omega.directory.servers", _answering_nonsense(bus))
    gateway = Gateway(bus, GatewaySettings(port=0, doors={}))
    await gateway.start()
    try:
        async with aiohttp.ClientSession() as session:
            with capture_logs(processors=[merge_contextvars]) as logs:
                async with session.get(gateway.url + SERVERS) as answer:
                    error = (await answer.json())["error"]
    finally:
        await gateway.stop()
    assert (answer.status, error["code"], "nonsense" in str(error)) == (500, "internal", False)
    (line,) = [line for line in logs if line["event"] == "request_failed"]
    assert (line["request_id"], line["exc_info"]) == (answer.headers["X-Request-Id"], True)


def _answering_nonsense(bus: Bus) -> AsyncHandler:
    async def answer(message: Message) -> None:
        bus.respond(message, b"nonsense")

    return answer


async def test_a_body_that_is_not_compressed_as_it_says_is_malformed(gateway: Gateway) -> None:
    head = b"POST /mcp/register HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n"
    status, _, body = await _raw(gateway, head + b"Connection: close\r\n\r\nnonsense")
    assert (status, orjson.loads(body)["error"]["code"]) == (400, "malformed")


async def test_two_hosts_are_one_too_many(gateway: Gateway) -> None:
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\nConnection: close\r\n\r\n"
    status, _, body = await _raw(gateway, request)
    assert (status, orjson.loads(body)["error"]["code"]) == (400, "malformed")


async def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(gateway: Gateway) -> None:
    head = (
        b"POST /mcp/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    parts = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(head)
    async with asyncio.timeout(5):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_body_that_is_expected_is_asked_for(gateway: Gateway) -> None:
    body = orjson.dumps({"id": "a", "name": "A"})
    parts = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST /mcp/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        assert b" 100 " in await reader.readline()
        writer.write(body)
        assert b" 200 " in await reader.read()
    writer.close()
