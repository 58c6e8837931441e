from __future__ import annotations

import aiohttp
import pytest

from gateway import Gateway


async def test_health_is_one_object_that_plain_readers_understand(client: aiohttp.ClientSession) -> None:
    async with client.get("/health") as answer:
        health = await answer.json()
    assert answer.status == 200
    assert (health["status"], health["id"], health["service"]) == ("healthy", "federation_core", "federation_core")
    assert (health["type"], health["name"], health["bus"]) == ("service", "OMEGA Federation", "connected")
    assert health["version"]
    assert health["timestamp"].endswith("Z")
    assert health["uptime"] >= 0


@pytest.mark.parametrize(("path", "status"), [("/health/live", "alive"), ("/health/ready", "ready")])
async def test_a_probe_answers_with_one_word(client: aiohttp.ClientSession, path: str, status: str) -> None:
    async with client.get(path, params={"ts": "1"}) as answer:
        assert (answer.status, await answer.json()) == (200, {"status": status})


async def test_the_front_page_leads_to_paths_that_are_there(client: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with client.get("/") as answer:
        page = await answer.text()
    links = [part.partition('"')[0] for part in page.split('href="')[1:]]
    assert "/docs" in links
    for link in links:
        async with client.get(link) as answer:
            assert answer.status == 200, link
