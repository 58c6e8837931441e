"""A service's life over HTTP, and the three ways to find one: python examples/documented_client.py [BASE_URL]

Needs httpx and semver. Nothing of this project is imported. Exit code 0: everything answered as it should.

What is easily done wrong is done right here: a heartbeat that is answered 404 registers again, an outage of the
gateway does not end the loop, versions are compared as versions, and finding nobody is an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from semver import Version

SEARCH = "/mcp/resources/omega/directory/search"
Service = dict[str, Any]


# staying registered ---------------------------------------------------------------------------------------------------


async def register(client: httpx.AsyncClient, manifest: Service) -> float:
    """Announce the service; returns the seconds between heartbeats. Raises httpx.HTTPError."""
    answer = await client.post("/mcp/register", json=manifest)
    answer.raise_for_status()
    return float(answer.json()["heartbeat_interval_s"])


async def heartbeat(client: httpx.AsyncClient, manifest: Service) -> str:
    """One sign of life; where the directory does not know the service, it is announced again."""
    answer = await client.post("/mcp/heartbeat", json={"service_id": manifest["id"]})
    if answer.status_code == httpx.codes.NOT_FOUND:
        await register(client, manifest)
        return "unknown, so registered again"
    answer.raise_for_status()
    return "heard"


async def keep_beating(client: httpx.AsyncClient, manifest: Service, interval_s: float) -> None:
    """Heartbeats until cancelled, a little irregular so that many services do not beat in step."""
    while True:
        try:
            await heartbeat(client, manifest)
        except httpx.HTTPError as exc:
            print(f"{manifest['id']}: heartbeat failed, tried again later: {exc!r}")
        await asyncio.sleep(interval_s * random.uniform(0.8, 1.0))


@asynccontextmanager
async def present(client: httpx.AsyncClient, manifest: Service) -> AsyncIterator[None]:
    """The service is registered and kept alive for the length of the block, and withdrawn at its end."""
    interval_s = await register(client, manifest)
    beating = asyncio.create_task(keep_beating(client, manifest, interval_s))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        with contextlib.suppress(httpx.HTTPError):  # a directory that cannot be told finds out by the lease
            await client.delete(f"/mcp/unregister/{manifest['id']}")


# finding others -------------------------------------------------------------------------------------------------------


async def find(client: httpx.AsyncClient, **conditions: str) -> list[Service]:
    """Every active service that matches (`capability=…`, `tag=…`, `q=…`), page by page."""
    found: list[Service] = []
    page: int | None = 1
    while page is not None:
        answer = await client.get(SEARCH, params={**conditions, "page": page})
        answer.raise_for_status()
        found += answer.json()["servers"]
        page = answer.json()["next_page"]
    return found


async def select(client: httpx.AsyncClient, capability: str) -> Service | None:
    """The one to use: alive, of the highest version, and of those the quickest to answer. None: there is nobody."""
    alive = await find(client, capability=capability)
    if not alive:
        return None
    newest = max(precedence(service["version"]) for service in alive)
    equals = [service for service in alive if precedence(service["version"]) == newest]
    seconds = await asyncio.gather(*(response_time(client, service) for service in equals))
    return min(zip(seconds, equals, strict=True), key=lambda pair: pair[0])[1]


def precedence(version: str) -> Version:
    """`version` as something that compares as semantic versioning says; what cannot be read stands lowest."""
    try:
        return Version.parse(version, optional_minor_and_patch=True)
    except ValueError:
        return Version(0, 0, 0, "0")


async def response_time(client: httpx.AsyncClient, service: Service) -> float:
    """Seconds that its health page takes; infinite when it does not answer well within two."""
    began = time.perf_counter()
    try:
        answer = await client.get(service["endpoints"]["health"], timeout=2)
    except (httpx.HTTPError, httpx.InvalidURL, KeyError):
        return float("inf")
    return time.perf_counter() - began if answer.is_success else float("inf")


# the walk -------------------------------------------------------------------------------------------------------------


def sample(base_url: str, id: str, version: str) -> Service:
    """A manifest; its health page is the gateway's own, so that there is something to measure."""
    return {
        "id": id,
        "name": "Documented Example",
        "description": "Shows the life of a service over HTTP",
        "version": version,
        "capabilities": ["documented_example"],
        "tags": ["example", "walkthrough"],
        "endpoints": {"mcp": f"{base_url}/mcp", "health": f"{base_url}/health"},
    }


def shown(services: list[Service]) -> str:
    return ", ".join(f"{service['id']} {service['version']}" for service in services) or "nobody"


def expect(truth: bool, otherwise: str) -> None:
    """Ends the script with exit code 1 where something is not as it should be."""
    if not truth:
        raise SystemExit(f"not as it should be: {otherwise}")


async def main(base_url: str) -> None:
    """Everything once, told line by line."""
    older = sample(base_url, "documented_example_older", "1.9.0")
    newer = sample(base_url, "documented_example_newer", "1.10.0")
    preview = sample(base_url, "documented_example_preview", "1.10.0-rc.1")
    async with httpx.AsyncClient(base_url=base_url, timeout=10) as client:
        async with present(client, older), present(client, newer), present(client, preview):
            await show_heartbeats(client, newer)
            await show_searches(client)
        gone = await find(client, capability="documented_example")
        expect(not gone, f"{shown(gone)} should have left")
        print("unregister  all three are gone")
        expect(await select(client, "documented_example") is None, "nobody should be selected")
        print("select      nobody is left, and that is an answer")


async def show_heartbeats(client: httpx.AsyncClient, service: Service) -> None:
    print(f"register    {service['id']}")
    print(f"heartbeat   {await heartbeat(client, service)}")
    await client.delete(f"/mcp/unregister/{service['id']}")
    print(f"heartbeat   {await heartbeat(client, service)}")


async def show_searches(client: httpx.AsyncClient) -> None:
    by_capability = await find(client, capability="documented_example")
    expect(len(by_capability) == 3, f"three were registered, found {shown(by_capability)}")
    print(f"capability  {shown(by_capability)}")
    print(f"tag         {shown(await find(client, tag='walkthrough'))}")
    print(f"tags        {shown(await find(client, tag='walkthrough', capability='something_else'))}")
    chosen = await select(client, "documented_example")
    expect(chosen is not None and chosen["version"] == "1.10.0", f"1.10.0 is the newest release, not {chosen}")
    print(f"select      {shown([chosen] if chosen else [])}")


if __name__ == "__main__":
    base = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:9405"
    try:
        asyncio.run(main(base))
    except httpx.HTTPError as error:
        sys.exit(f"{base}: {error}")
