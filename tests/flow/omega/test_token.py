"""`omega token` against a running bus, and a gateway process that lets in whom it says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bus import BusSettings
from directory import Directory
from tests.support.commands import Ended, run, running
from tests.support.federation import calculator, running_directory, running_member
from tests.support.http_servers import free_port
from tests.support.nats import NatsServer, until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def environment(nats_server: NatsServer, tmp_path: Path) -> dict[str, str]:
    home = str(tmp_path / "home")
    return {**os.environ, "OMEGA_NATS_URL": nats_server.url, "OMEGA_HOME": home, "OMEGA_GATEWAY_DOORS": "{}"}


async def omega(environment: dict[str, str], *words: str) -> Ended:
    return await run([sys.executable, "-m", "omega", *words], environment)


@pytest.fixture
async def directory(settings: BusSettings) -> AsyncIterator[Directory]:
    async with running_directory(settings) as directory:
        yield directory


async def test_a_key_is_made_shown_once_listed_used_rotated_and_revoked(
    environment: dict[str, str], directory: Directory, settings: BusSettings
) -> None:
    port = free_port()
    gateway = [sys.executable, "-m", "omega", "gateway", "--port", str(port), "--authentication", "required"]
    url = f"http://127.0.0.1:{port}"
    async with running_member(calculator(), settings), running(gateway, environment), aiohttp.ClientSession() as http:
        made = await omega(environment, "token", "create", "alice", "--scope", "call", "--expires", "1h")
        assert made.code == 0, made.err
        key = made.out.strip()
        assert key.startswith("omk_") and key not in made.err

        async def status(shown: str) -> int:
            try:
                head = {"Authorization": f"Bearer {shown}"}
                async with http.post(f"{url}/mcp/call/calculator/add", json={"a": 1, "b": 2}, headers=head) as answer:
                    return answer.status
            except aiohttp.ClientConnectionError:
                return 0

        async def works() -> bool:
            return await status(key) == 200

        await until(works, within=20, what="the gateway lets the key in")
        again = await omega(environment, "token", "create", "alice", "--scope", "admin")
        assert again.code == 1 and "--rotate" in again.err
        rotated = json.loads((await omega(environment, "token", "create", "alice", "--rotate", "--json")).out)
        assert rotated["scopes"] == ["call"]
        listed = await omega(environment, "token", "list", "--json")
        assert [one["state"] for one in json.loads(listed.out)] == ["active", "active"]
        assert key not in listed.out and rotated["key"] not in listed.out
        old = next(one["id"] for one in json.loads(listed.out) if one["id"] != rotated["id"])
        assert (await omega(environment, "token", "revoke", old)).code == 0
        assert (await status(key), await status(rotated["key"])) == (401, 200)
        assert (await omega(environment, "token", "revoke", "nobody")).code == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("alice",), "--scope"),
        (("alice", "--scope", "everything"), "scope"),
        (("alice", "--scope", "call", "--expires", "soon"), "expires"),
        (("a:b", "--scope", "call"), "name"),
        (("alice", "--rotate"), "no key"),
    ],
)
async def test_a_key_that_should_not_be_is_not_made(
    environment: dict[str, str], directory: Directory, words: tuple[str, ...], said: str
) -> None:
    told = await omega(environment, "token", "create", *words)
    assert told.code in (1, 2), told
    assert said in told.err
    assert "omk_" not in told.out


async def test_a_gateway_does_not_open_to_the_network_by_itself(environment: dict[str, str]) -> None:
    told = await omega(environment, "gateway", "--host", "0.0.0.0", "--port", "0")
    assert told.code == 1
    assert "--open-to-the-network-without-authentication" in told.err
    assert "OMEGA_GATEWAY_AUTHENTICATION=required" in told.err
