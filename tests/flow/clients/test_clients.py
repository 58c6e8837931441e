"""Clients that are not ours list, call, hear progress and cancel, at a member of ours and at one that joined."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.flow.clients.conftest import MEMBERS, Stage
from tests.support.nats import until
from tests.support.strangers import node, npm_folder, on_ci

pytestmark = [pytest.mark.timeout(180), pytest.mark.filterwarnings("default")]

MODES = ("auto", "2026-07-28", "legacy")
EXPECTED = {"sum": 5, "steps": [1, 2, 3], "stopped": True}

FASTMCP = """
import asyncio, json, sys
from fastmcp import Client

async def exercise(url):
    async with Client(url) as client:
        tools = [tool.name for tool in await client.list_tools()]
        added = (await client.call_tool("add", {"a": 2, "b": 3})).structured_content["result"]
        steps, begun = [], asyncio.Event()
        async def heard(done, total, message):
            steps.append(done)
        await client.call_tool("count", {"to": 3}, progress_handler=heard)
        async def began(done, total, message):
            begun.set()
        async def stops():
            return (await client.call_tool("stops", {})).structured_content["result"]
        before = await stops()
        waiting = asyncio.create_task(client.call_tool("wait", {"seconds": 100}, progress_handler=began))
        await asyncio.wait_for(begun.wait(), 10)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for _ in range(200):
            if await stops() > before:
                break
            await asyncio.sleep(0.05)
        return {"tools": tools, "sum": added, "steps": steps, "stopped": await stops() > before}

async def main():
    print(json.dumps([await exercise(url) for url in sys.argv[1:]]))

asyncio.run(main())
"""

TYPESCRIPT = """
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

async function exercise(url) {
  const client = new Client({ name: 'stranger', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const call = async (name, args, options) =>
    (await client.callTool({ name, arguments: args }, undefined, options)).structuredContent.result;
  const tools = (await client.listTools()).tools.map((tool) => tool.name);
  const sum = await call('add', { a: 2, b: 3 });
  const steps = [];
  await call('count', { to: 3 }, { onprogress: (told) => steps.push(told.progress) });
  const before = await call('stops', {});
  const giveUp = new AbortController();
  const waiting = call('wait', { seconds: 100 }, { signal: giveUp.signal, onprogress: () => giveUp.abort('enough') });
  const refused = await waiting.then(() => false, () => true);
  let stopped = false;
  for (let tries = 0; tries < 200 && !stopped; tries += 1) {
    stopped = (await call('stops', {})) > before;
    if (!stopped) await new Promise((again) => setTimeout(again, 50));
  }
  await client.close();
  return { tools, sum, steps, stopped: stopped && refused };
}

const told = [];
for (const url of process.argv.slice(2)) told.push(await exercise(url));
console.log(JSON.stringify(told));
"""


async def exercise(client: Client) -> dict[str, Any]:
    """What the scripts do, with the official Python client."""
    steps: list[float] = []
    begun = asyncio.Event()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async def began(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async def result(name: str, **arguments: Any) -> Any:
        told = await client.call_tool(name, arguments)
        assert told.structured_content is not None, told
        return told.structured_content["result"]

    tools = [tool.name for tool in (await client.list_tools()).tools]
    added = await result("add", a=2, b=3)
    await client.call_tool("count", {"to": 3}, progress_callback=heard)
    before = await result("stops")
    waiting = asyncio.create_task(client.call_tool("wait", {"seconds": 100}, progress_callback=began))
    async with asyncio.timeout(10):
        await begun.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    async def stopped() -> bool:
        return bool(await result("stops") > before)

    await until(stopped, within=10)
    return {"tools": tools, "sum": added, "steps": steps, "stopped": True}


def check(told: dict[str, Any]) -> None:
    assert {"add", "count", "wait", "stops"} <= set(told.pop("tools"))
    assert told == EXPECTED


async def test_the_official_client_over_http(stage: Stage) -> None:
    for mode in MODES:
        for member in MEMBERS:
            async with Client(stage.url(member), mode=mode) as client:
                check(await exercise(client))


async def test_the_official_client_over_stdio(stage: Stage, tmp_path: Path) -> None:
    environment = {**os.environ, "OMEGA_NATS_URL": stage.nats, "OMEGA_HOME": str(tmp_path)}

    async def told(mode: str, member: str) -> dict[str, Any]:
        words = ["-m", "omega", "mcp", member]
        desk = StdioServerParameters(command=sys.executable, args=words, env=environment, cwd=tmp_path)
        async with Client(desk, mode=mode) as client:
            return await exercise(client)

    for mode in MODES:
        for one in await asyncio.gather(*(told(mode, member) for member in MEMBERS)):
            check(one)


async def test_fastmcps_client(stage: Stage) -> None:
    if find_spec("fastmcp") is None:
        if on_ci():
            pytest.fail("fastmcp is not installed")
        pytest.skip("fastmcp is not installed")
    for told in await ran(sys.executable, "-c", FASTMCP, *map(stage.url, MEMBERS)):
        check(told)


async def test_the_typescript_client(stage: Stage, tmp_path: Path) -> None:
    script = tmp_path / "client.mjs"
    script.write_text(TYPESCRIPT)
    (tmp_path / "node_modules").symlink_to(npm_folder() / "node_modules")
    for told in await ran(node(), str(script), *map(stage.url, MEMBERS)):
        check(told)


async def ran(*command: str) -> Any:
    """What a script says, in JSON."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(90):
            said, complained = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, complained.decode()
    return json.loads(said)
