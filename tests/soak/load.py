"""What clients do during a soak: calls and searches over HTTP and MCP at a steady rate, each answer looked at."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import aiohttp

CALLS_A_S = 20
CONNECTIONS = 4
"""To the gateway. More would come and go with the machine's mood, and the gateway's descriptors with them."""
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "soak", "version": "1"},
}
MCP = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "echo",
}


class Load:
    """A client of one gateway; `outcomes` counts what came of it, by kind."""

    def __init__(self, url: str, members: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._url = url
        self._members = members

    async def run(self) -> None:
        """Until cancelled."""
        limit = aiohttp.ClientTimeout(total=30)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        session = aiohttp.ClientSession(self._url, timeout=limit, connector=connector)
        async with session as client, asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._one(client))
                await asyncio.sleep(1 / CALLS_A_S)

    async def _one(self, client: aiohttp.ClientSession) -> None:
        kind = random.choice(("call", "call", "mcp", "search"))
        try:
            good = await getattr(self, f"_{kind}")(client)
            self.outcomes[f"{kind} {'ok' if good else 'refused'}"] += 1
        except (aiohttp.ClientError, TimeoutError) as exc:
            self.outcomes[f"{kind} {type(exc).__name__}"] += 1

    def _anybody(self) -> str:
        return f"soaked_{random.randrange(self._members)}"

    async def _call(self, client: aiohttp.ClientSession) -> bool:
        async with client.post(f"/mcp/call/{self._anybody()}/echo", json={"text": "x"}) as answer:
            return answer.status == 200 and await answer.json() == {"text": "x"}

    async def _mcp(self, client: aiohttp.ClientSession) -> bool:
        params = {"name": "echo", "arguments": {"text": "x"}, "_meta": META}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with client.post(f"/servers/{self._anybody()}/mcp", json=body, headers=MCP) as answer:
            return answer.status == 200 and "result" in await answer.json()

    async def _search(self, client: aiohttp.ClientSession) -> bool:
        query = {"tag": f"group{random.randrange(20)}", "limit": "20"}
        async with client.get("/mcp/resources/omega/directory/search", params=query) as answer:
            return answer.status == 200 and len((await answer.json())["servers"]) > 0
