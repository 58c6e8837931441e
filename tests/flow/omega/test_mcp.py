"""`omega mcp` to clients that are not ours: the Python SDK's, FastMCP's and the TypeScript SDK's."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters

from tests.flow.omega.test_join import joining, wait_for
from tests.support.omega import Omega
from tests.support.strangers import node, node_server, npm_folder, on_ci

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("default")]

MODES = ("auto", "2026-07-28", "legacy")

TYPESCRIPT = """
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [command, ...args] = JSON.parse(process.argv[2]);
const client = new Client({ name: 'stranger', version: '1' });
await client.connect(new StdioClientTransport({ command, args, env: process.env }));
const steps = [];
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const answer = await client.callTool(
  JSON.parse(process.argv[3]), undefined, { onprogress: (told) => steps.push(told.progress) },
);
console.log(JSON.stringify({ tools, answer: answer.content[0].text, steps }));
await client.close();
"""

LISTS = """
import asyncio, json, sys
from mcp import Client
from mcp.client.stdio import StdioServerParameters

async def main():
    command, *args = json.loads(sys.argv[1])
    async with Client(StdioServerParameters(command=command, args=args, env=json.loads(sys.argv[2]))) as client:
        print(json.dumps([tool.name for tool in (await client.list_tools()).tools]))

asyncio.run(main())
"""


def server(omega: Omega, *words: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "omega", "mcp", *words], env=omega.environment, cwd=omega.directory
    )


@pytest.mark.parametrize("mode", MODES)
async def test_one_member_is_listed_and_called_with_progress(federation_up: Omega, mode: str) -> None:
    steps: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    async with Client(server(federation_up, "weather"), mode=mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"forecast", "count"}
        answer = await client.call_tool("forecast", {"city": "Berlin"})
        assert answer.structured_content == {"city": "Berlin", "days": 1, "sky": "blue"}
        await client.call_tool("count", {"to": 3}, progress_callback=progress)
        assert steps == [1, 2, 3]
        with pytest.raises(MCPError):
            await client.get_prompt("no such prompt")


@pytest.mark.parametrize("mode", MODES)
async def test_the_whole_federation_is_served_from_the_gateway(federation_up: Omega, mode: str) -> None:
    async with Client(server(federation_up), mode=mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert "weather__forecast" in names
        answer = await client.call_tool("weather__forecast", {"city": "Rome"})
        assert answer.structured_content is not None
        assert answer.structured_content["city"] == "Rome"


@pytest.mark.parametrize("mode", MODES)
async def test_a_joined_server_is_served_too_and_a_cancelled_call_ends(federation_up: Omega, mode: str) -> None:
    def joined() -> Any:
        return joining(federation_up, "everything", "--", *node_server("everything", "stdio"))

    with joined():
        await asyncio.to_thread(wait_for, federation_up, "everything")
        async with Client(server(federation_up, "everything"), mode=mode) as client:
            begun = asyncio.Event()

            async def progress(done: float, total: float | None, message: str | None) -> None:
                begun.set()

            slow = {"duration": 60, "steps": 600}
            calling = asyncio.create_task(
                client.call_tool("trigger-long-running-operation", slow, progress_callback=progress)
            )
            async with asyncio.timeout(20):
                await begun.wait()
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            answer = await client.call_tool("get-sum", {"a": 1, "b": 2})
            assert "3" in answer.content[0].text  # type: ignore[union-attr] # the tool answers with text


async def test_fastmcps_client_lists_and_calls(federation_up: Omega) -> None:
    if find_spec("fastmcp") is None:
        if on_ci():
            pytest.fail("fastmcp is not installed")
        pytest.skip("fastmcp is not installed")
    script = """
import asyncio, json, sys
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

async def main():
    command, *args = json.loads(sys.argv[1])
    steps = []
    async def progress(done, total, message):
        steps.append(done)
    async with Client(StdioTransport(command, args, env=json.loads(sys.argv[2]))) as client:
        tools = [tool.name for tool in await client.list_tools()]
        answer = await client.call_tool("count", {"to": 3}, progress_handler=progress)
        print(json.dumps({"tools": tools, "answer": answer.structured_content, "steps": steps}))

asyncio.run(main())
"""
    words = json.dumps([sys.executable, "-m", "omega", "mcp", "weather"])
    ran = await asyncio.to_thread(
        run, federation_up, [sys.executable, "-c", script, words, json.dumps(federation_up.environment)]
    )
    assert ran == {"tools": ["forecast", "count"], "answer": {"counted": 3}, "steps": [1, 2, 3]}


@pytest.mark.parametrize("joined", [False, True], ids=["native", "joined"])
def test_the_typescript_client_lists_and_calls(federation_up: Omega, tmp_path: Path, joined: bool) -> None:
    script = tmp_path / "client.mjs"
    script.write_text(TYPESCRIPT)
    (tmp_path / "node_modules").symlink_to(npm_folder() / "node_modules")

    def call(member: str, tool: str, **arguments: Any) -> Any:
        words = json.dumps([sys.executable, "-m", "omega", "mcp", member])
        asked = json.dumps({"name": tool, "arguments": arguments})
        return run(federation_up, [node(), str(script), words, asked])

    if not joined:
        told = call("weather", "forecast", city="Oslo")
        assert told["tools"] == ["forecast", "count"]
        assert "Oslo" in told["answer"]
        return
    with joining(federation_up, "everything", "--", *node_server("everything", "stdio")):
        wait_for(federation_up, "everything")
        told = call("everything", "trigger-long-running-operation", duration=2, steps=4)
        assert "4" in told["answer"]
        # That client drops progress which it reads together with the result.
        assert told["steps"][:3] == [1, 2, 3]


def run(omega: Omega, command: list[str]) -> Any:
    ran = subprocess.run(
        command, env=omega.environment, cwd=omega.directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_member_nobody_knows_is_told_and_not_waited_for_without_end(omega: Omega) -> None:
    told = omega("mcp", "nobody", "--tag", "x")
    assert told.code == 2


def test_the_documented_configurations_are_real(federation_up: Omega) -> None:
    text = (Path(__file__).parents[3] / "docs" / "clients.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    commands = [one for block in blocks for one in block["mcpServers"].values() if "command" in one]
    assert len(commands) == 3
    for described in commands[:1]:
        words = json.dumps([sys.executable, "-m", described["command"], *described["args"]])
        told = run(federation_up, [sys.executable, "-c", LISTS, words, json.dumps(federation_up.environment)])
        assert "weather__forecast" in told
