"""A member that registered over HTTP is called over the bus: adopted, watched, let go with its registration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bus import Bus, BusSettings, Federation
from bus.errors import FederationError, UnknownMember
from members.adapters.adoption import PREFIX, Adopter, AdopterSettings
from tests.flow.members.adapters.conftest import QUICK
from tests.support.federation import calculator, manifest, running_member
from tests.support.http_servers import http_server
from tests.support.nats import until

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def adopting(settings: BusSettings, **rules: object) -> AsyncIterator[Adopter]:
    bus = await Bus.connect(settings, name="adopter")
    given = {"allow_loopback": True, "look_every_s": 0.5, "health_every_s": 0.1, **rules}
    adopter = Adopter(bus, AdopterSettings.model_validate(given), rules=QUICK)
    running = asyncio.create_task(adopter.run())
    try:
        async with asyncio.timeout(10):
            await adopter.looked.wait()
        yield adopter
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bus.close()


async def instances(federation: Federation, member: str) -> list[str]:
    try:
        return [one["id"] for one in (await federation.server(member))["instances"]]
    except UnknownMember:
        return []


def adopted(federation: Federation, member: str = "my_service", number: int = 1):  # type: ignore[no-untyped-def] # a condition
    async def condition() -> bool:
        return sum(one.startswith(PREFIX) for one in await instances(federation, member)) == number

    return condition


async def test_its_tools_are_called_over_the_bus_and_its_manifest_stays_its_own(
    federation: Federation, settings: BusSettings
) -> None:
    with http_server("modern") as server:
        async with adopting(settings):
            endpoints = {"mcp": server.url, "health": f"http://127.0.0.1:{server.port}/health"}
            await federation.register(manifest(endpoints=endpoints, colour="blue", limit=1, server="x"))
            await until(adopted(federation), within=20)
            assert (await federation.call("my_service", "add", {"a": 1, "b": 2})) == {"result": 3}
            shown = await federation.server("my_service")
            assert (shown["name"], shown["colour"], shown["endpoints"]) == ("My Service", "blue", endpoints)
            assert "add" in {tool["name"] for tool in shown["tools"]}

            await federation.register(manifest(endpoints=endpoints, version="2.0.0"))

            async def follows() -> bool:
                now = await federation.server("my_service")
                return bool(now["version"] == "2.0.0" and now["tools"])

            await until(follows, within=20)
            await federation.leave("my_service", "default")
            await until(adopted(federation, number=0), within=10)


async def test_two_adopters_share_a_member(federation: Federation, settings: BusSettings) -> None:
    with http_server("modern") as server:
        await federation.register(manifest(endpoints={"mcp": server.url}))
        async with adopting(settings):
            async with adopting(settings):
                await until(adopted(federation, number=2), within=20)
                calls = [federation.call("my_service", "add", {"a": n, "b": 0}) for n in range(20)]
                assert [one["result"] for one in await asyncio.gather(*calls)] == list(range(20))
            await until(adopted(federation, number=1))
            assert await federation.call("my_service", "add", {"a": 1, "b": 2}) == {"result": 3}


async def test_a_member_that_takes_calls_itself_is_left_alone(federation: Federation, settings: BusSettings) -> None:
    with http_server("modern") as server:
        own = calculator(endpoints={"mcp": server.url})
        async with running_member(own, settings), adopting(settings):
            await federation.register(manifest("other", endpoints={"mcp": server.url}))
            await until(adopted(federation, "other"), within=20)  # by then the first was looked at
            assert await adopted(federation, "calculator", 0)()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/mcp",
        "http://localhost:{port}/mcp",
        "http://2130706433:{port}/mcp",
        "http://[::ffff:127.0.0.1]:{port}/mcp",
        "http://user:secret@127.0.0.1:{port}/mcp",
    ],
)
async def test_an_address_that_policy_forbids_is_never_dialled(
    url: str, federation: Federation, settings: BusSettings
) -> None:
    dialled = asyncio.Event()

    async def taken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        writer.close()

    listening = await asyncio.start_server(taken, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, adopting(settings, allow_loopback=False) as adopter:
        await federation.register(manifest(endpoints={"mcp": url.format(port=port)}))
        await until(lambda: "my_service" not in adopter._due)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await dialled.wait()
        with pytest.raises(FederationError):
            await federation.call("my_service", "add", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
async def test_an_address_that_a_redirect_leads_to_is_never_dialled(
    host: str, federation: Federation, settings: BusSettings
) -> None:
    dialled, asked = asyncio.Event(), asyncio.Event()

    async def inside(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        writer.close()

    async def outside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        location = f"http://{host}:{inner.sockets[0].getsockname()[1]}/mcp"
        writer.write(f"HTTP/1.1 307 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        asked.set()

    inner = await asyncio.start_server(inside, host, 0)
    outer = await asyncio.start_server(outside, "127.0.0.1", 0)
    async with inner, outer, adopting(settings):
        url = f"http://127.0.0.1:{outer.sockets[0].getsockname()[1]}/mcp"
        await federation.register(manifest(endpoints={"mcp": url, "health": url}))
        async with asyncio.timeout(10):
            await asked.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await dialled.wait()
        assert await adopted(federation, number=0)()


class Health(BaseHTTPRequestHandler):
    status = 200
    seen: set[str] = set()  # noqa: RUF012 - a handler class is this server's only memory

    def do_GET(self) -> None:
        Health.seen.add(self.command)
        self.send_response(Health.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


async def test_a_member_that_says_it_is_ill_is_withdrawn_until_it_is_well(
    federation: Federation, settings: BusSettings
) -> None:
    health = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    Thread(target=health.serve_forever, daemon=True).start()
    try:
        with http_server("modern") as server:
            endpoints = {"mcp": server.url, "health": f"http://127.0.0.1:{health.server_port}/health"}
            async with adopting(settings):
                for status, number in ((405, 1), (503, 0), (200, 1)):
                    Health.status = status
                    await federation.register(manifest(endpoints=endpoints))
                    await until(adopted(federation, number=number), within=20)
            assert Health.seen == {"GET"}
    finally:
        health.shutdown()
        health.server_close()
