"""`omega mcp` shows the key of its environment to a gateway that asks who comes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from gateway import Gateway
from tests.flow.gateway.access.conftest import OPEN, Keys


async def test_a_desktop_client_gets_in_with_the_key_of_the_environment(
    gateway: Gateway, keys: Keys, tmp_path: Path
) -> None:
    shown = await keys("alice", "discover call")
    environment = {**os.environ, "OMEGA_HOME": str(tmp_path), "OMEGA_API_KEY": shown["Authorization"][7:]}
    words = ["-m", "omega", "mcp", "--gateway", gateway.url]
    parameters = StdioServerParameters(command=sys.executable, args=words, env=environment)
    async with Client(stdio_client(parameters)) as client:
        told = await client.call_tool(f"{OPEN}__who", {})
        assert told.structured_content == {"caller": "alice", "scopes": ["call", "discover"]}
