"""The description is valid, complete and true: requests generated from it find no answer that it does not tell of."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest
from openapi_spec_validator import validate

from gateway import Gateway
from tests.flow.gateway.conftest import SUBJECT

DOCUMENTED = {
    ("get", "/mcp/resources/omega/directory/servers"),
    ("get", "/mcp/resources/omega/directory/servers/{id}"),
    ("get", "/mcp/resources/omega/directory/search"),
    ("get", "/mcp/resources/omega/directory/tags"),
    ("post", "/mcp/register"),
    ("post", "/mcp/heartbeat"),
    ("delete", "/mcp/unregister/{id}"),
    ("post", "/mcp/call/{service}/{tool}"),
    ("get", "/servers/{id}/health"),
    ("get", "/health"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
    ("get", "/docs"),
    ("get", "/"),
}

CONFIGURATION = f"""
[[operations]]
# What no schema can say: the grammar of a version range, the inside of a token, what the bus carries.
include-operation-id = ["list_servers", "search_servers", "register"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403", "409", "413"]
checks.negative_data_rejection.expected-statuses = ["400", "403", "409", "413", "415", "422"]

[[operations]]
# A tool's arguments are checked by its own input schema, and a deadline may be a millisecond.
include-operation-id = "call_tool"
parameters = {{ service = "{SUBJECT}", tool = "shout" }}
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "504"]
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "504"]
"""


async def test_the_document_is_valid_and_names_every_path(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as answer:
        described = await answer.json()
    validate(described)
    assert {(method, path) for path, methods in described["paths"].items() for method in methods} == DOCUMENTED
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


async def test_the_page_shows_every_path_and_needs_nothing_else(client: aiohttp.ClientSession) -> None:
    async with client.get("/docs") as answer:
        page = await answer.text()
    assert all(path in page for _, path in DOCUMENTED)
    assert "<script" not in page
    assert "//" not in page.replace("http://127.0.0.1", "").replace("://", "").partition("<style>")[0]


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("member")
async def test_generated_requests_find_no_answer_that_is_not_described(gateway: Gateway, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", f"{gateway.url}/openapi.json", "--max-examples", "15", "--seed", "7", "--no-color"),
        *("--request-timeout", "10", "--suppress-health-check", "all"),
    ]
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(100):
        output, _ = await process.communicate()
    assert process.returncode == 0, "\n".join(line[:300] for line in output.decode().splitlines())
