"""The README, walked through: its commands run in their order, and its answers are real ones, trimmed."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from mcp import Client

from bus import BusSettings, Federation
from directory import Directory
from gateway import Gateway
from members.code_analyzer.service import build
from members.code_analyzer.settings import CodeAnalyzerSettings
from tests.flow.examples.conftest import ANALYZER
from tests.flow.members.code_analyzer.git_server import GitServer, repository, serving
from tests.support.commands import Ended, run, running, with_stand_ins
from tests.support.federation import running_member
from tests.support.markdown import ROOT, Block, blocks, json_values, quoted, shows
from tests.support.nats import until

README = (ROOT / "README.md").read_text()
TANGLED = "def tangled(x):\n" + "".join(f"    if x == {n}:\n        return {n * n}\n" for n in range(14))
PROJECT = {"src/tangled.py": TANGLED, "README.md": "A project\n"}


class Reader:
    """Somebody who types what the README says, with this test's addresses in place of the documented ones."""

    def __init__(self, environment: Mapping[str, str], addresses: Mapping[str, str]) -> None:
        self._environment = environment
        self._addresses = addresses

    async def types(self, block: Block) -> Ended:
        """Run a block as a shell does."""
        script = block.text
        for documented, real in self._addresses.items():
            script = script.replace(documented, real)
        return await run(["sh", "-eu", "-c", script], self._environment)


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A server of one repository, which has something to say about."""
    root = tmp_path / "repositories"
    repository(root / "project", PROJECT)
    with serving(root) as server:
        yield server


@pytest.fixture
async def analyzer(directory: Directory, settings: BusSettings, git_server: GitServer) -> AsyncIterator[None]:
    """The Code Analyzer, allowed to clone from that server."""
    own = CodeAnalyzerSettings(allowed_hosts=(git_server.host,), repository_workers=1, snippet_workers=1)
    async with running_member(build(own), settings):
        yield


@pytest.fixture
def reader(gateway: Gateway, analyzer: None, settings: BusSettings, git_server: GitServer, tmp_path: Path) -> Reader:
    programs = tmp_path / "programs"
    programs.mkdir()
    nats = {"NATS_URL": settings.nats_url, "OMEGA_NATS_URL": settings.nats_url}
    environment = {**nats, "OMEGA_HOME": str(tmp_path / "home"), "PATH": with_stand_ins(programs)}
    addresses = {
        "http://localhost:9405": gateway.url,
        "http://localhost:9501": gateway.door_urls[ANALYZER],
        "https://github.com/pallets/click": git_server.url("project"),
        ".venv/bin/": f"{Path(sys.executable).parent}/",
    }
    return Reader(environment, addresses)


async def test_every_command_of_the_readme_works_and_answers_as_shown(
    reader: Reader, federation: Federation, tmp_path: Path
) -> None:
    async with AsyncExitStack() as programs:
        for block, shown in steps():
            if block.language == "python":
                words = [sys.executable, "-c", block.text]
                await programs.enter_async_context(running(words, {"OMEGA_NATS_URL": reader._environment["NATS_URL"]}))
                await until(lambda: is_there(federation, "weather"), within=20)
                continue
            ended = await reader.types(block)
            assert (ended.code, ended.err) == (0, ""), block.text
            if "nats pub" in block.text:
                await until(lambda: is_there(federation, "my_service"))
            answers = list(json_values(ended.out))
            if shown is not None:
                assert len(answers) == 1
                assert shows(shown, answers[0]), (block.text, answers[0])
            else:
                assert not [answer for answer in answers if "error" in answer], block.text


async def test_an_mcp_client_finds_every_tool_at_the_url_of_the_readme(reader: Reader, gateway: Gateway) -> None:
    assert "http://localhost:9405/mcp" in quoted(README)
    # The list of the whole federation follows the directory within a second, not at once.
    await until(lambda: lists(f"{gateway.url}/mcp", "code_analyzer_fastmcp__refactor"), within=20)
    assert await lists(f"{gateway.door_urls[ANALYZER]}/mcp", "refactor")


async def test_what_the_readme_says_is_not_there_is_not_there(gateway: Gateway) -> None:
    missing = README.partition("## What is not there yet")[2].partition("\n## ")[0]
    paths = [word.replace("{id}", "any") for word in quoted(missing) if word.startswith("/")]
    assert paths
    async with aiohttp.ClientSession(gateway.url) as session:
        for path in paths:
            async with session.post(path, json={}) as answer:
                assert answer.status == 404, path


async def lists(url: str, tool: str) -> bool:
    """Whether the server lists a tool of that name to a client that connects now."""
    async with asyncio.timeout(20), Client(url) as client:
        return tool in {listed.name for listed in (await client.list_tools()).tools}


def steps() -> Iterator[tuple[Block, object]]:
    """Each block that is to be run, with the answer shown right behind it, if one is."""
    found = blocks(README)
    for block, after in zip(found, [*found[1:], Block("", False, "")], strict=True):
        if block.runs:
            yield block, next(json_values(after.text)) if after.language == "json" else None


def test_the_readme_marks_what_can_be_run() -> None:
    unmarked = [block.text for block in blocks(README) if block.language in ("sh", "python") and not block.runs]
    commands = [line for text in unmarked for line in text.splitlines()]
    assert [
        line
        for line in commands
        if not re.match(r"make |nats sub |export NATS_CREDS=|\.venv/bin/python examples/", line)
    ] == []


async def is_there(federation: Federation, member: str) -> bool:
    return any(found["id"] == member for found in await federation.search())
