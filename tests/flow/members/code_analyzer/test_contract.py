"""Each tool's documented shape and errors are the same by HTTP door, as a plain call over NATS, and by MCP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest
from mcp import Client
from mcp_types import TextContent

from bus import Bus, BusSettings, CallOptions, Federation
from bus.errors import FederationError
from directory import Directory
from gateway import Gateway, GatewaySettings
from members.code_analyzer.service import build
from members.code_analyzer.settings import CodeAnalyzerSettings
from tests.flow.members.code_analyzer.git_server import GitServer, repository
from tests.support.federation import running_member

ID = "code_analyzer_fastmcp"

Answer = tuple[str, dict[str, Any]]
"""`ok` and the result, or the error's code and its message under `text`."""

Way = Callable[[str, dict[str, Any]], Awaitable[Answer]]


@pytest.fixture
async def gateway(bus: Bus, directory: Directory, settings: BusSettings, served: GitServer) -> AsyncIterator[Gateway]:
    """A gateway with a door before a Code Analyzer that may talk to the git server of the test."""
    repository(served.root / "project", {"a.py": "import os\nx = 1\n", "b.js": "eval(x);\n", "LICENSE": "Free.\n"})
    repository(served.root / "huge", {f"{n}.txt": f"{n}\n" for n in range(41)})
    own = CodeAnalyzerSettings(
        allowed_hosts=(served.host,), max_files=40, max_snippet_bytes=2048, repository_workers=1, snippet_workers=1,
        clone_timeout_s=3,
    )  # fmt: skip
    async with running_member(build(own), settings):
        gateway = Gateway(bus, GatewaySettings(port=0, doors={0: ID}, drain_s=2))
        await gateway.start()
        yield gateway
        await gateway.stop()


def by_door(gateway: Gateway, _: Federation) -> Way:
    async def call(tool: str, arguments: dict[str, Any]) -> Answer:
        url = f"{gateway.door_urls[ID]}/mcp/call/{tool}"
        async with aiohttp.ClientSession() as session, session.post(url, json=arguments) as answer:
            told = await answer.json()
            if answer.status == 200:
                return "ok", told
            assert STATUS[told["error"]["code"]] == answer.status
            return told["error"]["code"], {"text": told["error"]["message"]}

    return call


def by_nats(_: Gateway, federation: Federation) -> Way:
    async def call(tool: str, arguments: dict[str, Any]) -> Answer:
        try:
            return "ok", await federation.call(ID, tool, arguments, CallOptions(timeout=50))
        except FederationError as error:
            told = error.body()["error"]
            return told["code"], {"text": told["message"]}

    return call


def by_mcp(gateway: Gateway, _: Federation) -> Way:
    async def call(tool: str, arguments: dict[str, Any]) -> Answer:
        async with Client(f"{gateway.url}/servers/{ID}/mcp") as client:
            told = await client.call_tool(tool, arguments)
        if not told.is_error:
            return "ok", dict(told.structured_content or {})
        (content,) = told.content
        assert isinstance(content, TextContent)
        return "error", {"text": content.text}

    return call


WAYS = {"door": by_door, "nats": by_nats, "mcp": by_mcp}
STATUS = {"invalid_arguments": 400, "not_allowed": 403, "too_large": 413, "tool_error": 422}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, gateway: Gateway, federation: Federation) -> Way:
    return WAYS[request.param](gateway, federation)


async def test_every_tool_answers_in_its_documented_shape(way: Way, served: GitServer) -> None:
    url = served.url("project")
    ok, reply = await way("analyze_repo", {"repo_url": url})
    analysis = reply["analysis"]
    assert (ok, analysis["total_files"], analysis["total_lines"]) == ("ok", 3, 3)
    assert set(analysis) >= {"languages", "complexity_score", "issues", "worst_functions", "commit", "cached"}
    assert set(analysis["issues"][0]) == {"type", "severity", "file", "line", "message"}

    ok, reply = await way("scan_repo", {"repo_url": url, "ref": "main"})
    (found,) = reply["vulnerabilities"]
    assert (ok, found["file"], found["type"], found["line"]) == ("ok", "b.js", "code_injection", 1)
    keys = {"type", "severity", "file", "line", "message", "recommendation", "cwe", "confidence"}
    assert set(found) == keys

    code = 'import os\npassword = "hardcoded"'
    ok, reply = await way("security_scan", {"code_snippet": code, "language": "python"})
    (found,) = reply["vulnerabilities"]
    assert (ok, found["type"], found["severity"], found["line"]) == ("ok", "hardcoded_secret", "high", 2)
    assert set(found) == keys - {"file"}

    code = "x = new Array();\n"
    ok, reply = await way("refactor", {"code_snippet": code, "language": "javascript"})
    assert (ok, reply["refactored_code"]) == ("ok", "x = [];\n")
    assert reply["diff"].splitlines()[-2:] == ["-x = new Array();", "+x = [];"]
    (suggestion,) = reply["suggestions"]
    assert (suggestion["before"], suggestion["after"], suggestion["applied"]) == (code, "x = [];\n", True)


ERRORS = [
    ("analyze_repo", {"repo_url": "nonsense"}, "invalid_arguments", "not a URL"),
    ("analyze_repo", {"repo_url": "https://10.0.0.1/a"}, "not_allowed", "private"),
    ("analyze_repo", {"repo_url": "/etc"}, "not_allowed", "local folders"),
    ("analyze_repo", {"repo_url": "SERVER/project", "ref": "--x"}, "invalid_arguments", "ref"),
    ("analyze_repo", {"repo_url": "SERVER/project", "ref": "x"}, "tool_error", "no branch or tag"),
    ("analyze_repo", {"repo_url": "SERVER/huge"}, "too_large", "more than 40 files"),
    ("analyze_repo", {"repo_url": "SERVER/nothing"}, "tool_error", "no repository"),
    ("scan_repo", {"repo_url": "SERVER/huge"}, "too_large", "more than 40 files"),
    ("scan_repo", {}, "invalid_arguments", "repo_url"),
    ("refactor", {"code_snippet": "x", "language": "klingon"}, "invalid_arguments", "Known here"),
    ("refactor", {"code_snippet": "x = (", "language": "python"}, "invalid_arguments", "line 1"),
    ("security_scan", {"code_snippet": "x" * 3000, "language": "c"}, "too_large", "2048"),
    ("security_scan", {"code_snippet": " ", "language": "c"}, "invalid_arguments", "empty"),
]


async def test_every_error_has_its_code_and_words(way: Way, served: GitServer) -> None:
    for tool, arguments, code, words in ERRORS:
        given = orjson.loads(orjson.dumps(arguments).replace(b"SERVER", f"http://{served.host}".encode()))
        told, said = await way(tool, given)
        assert told in (code, "error"), (tool, arguments, told)
        assert words in said["text"], (tool, arguments, said)
