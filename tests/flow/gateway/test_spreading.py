"""A gateway sends a call to another instance where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bus import BusSettings
from tests.support.copied import Workers
from tests.support.nats import until


@pytest.fixture
def workers(settings: BusSettings, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(settings.nats_url, tmp_path / "executions")
    yield workers
    workers.end()


async def _call(client: aiohttp.ClientSession, tool: str, **arguments: str) -> tuple[int, Any]:
    async with client.post(f"/mcp/call/copied/{tool}", json=arguments) as answer:
        return answer.status, await answer.json()


async def answered_by(client: aiohttp.ClientSession, instance: str) -> None:
    """Wait until calls reach that instance."""

    async def there() -> bool:
        return await _call(client, "where") == (200, {"result": instance})

    await until(there, within=15)


async def test_a_tool_that_says_it_is_read_only_survives_the_death_of_its_instance(
    client: aiohttp.ClientSession, workers: Workers
) -> None:
    workers.start("a")
    await answered_by(client, "a")
    call = asyncio.create_task(_call(client, "look", first="a"))
    await until(lambda: workers.executed == ["a"], within=10)
    workers.start("b")
    await answered_by(client, "b")
    workers.kill("a")
    assert await call == (200, {"result": "b"})
    assert workers.executed == ["a", "b"]


async def test_a_tool_that_says_nothing_of_itself_is_executed_once_and_its_loss_is_told(
    client: aiohttp.ClientSession, workers: Workers
) -> None:
    workers.start("a")
    await answered_by(client, "a")
    call = asyncio.create_task(_call(client, "pay"))
    await until(lambda: workers.executed == ["a"], within=10)
    workers.start("b")
    await answered_by(client, "b")
    workers.kill("a")
    status, body = await call
    assert (status, body["error"]["code"], body["error"]["retryable"]) == (502, "member_lost", False)
    assert workers.executed == ["a"]
