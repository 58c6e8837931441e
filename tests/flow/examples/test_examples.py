"""Each example does what it says against a real federation, and says clearly when there is none."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator

import pytest

from bus import BusSettings, Federation
from bus.errors import UnknownMember
from gateway import Gateway
from tests.support.commands import example, run, running
from tests.support.nats import NatsServer, until


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that is held and that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


async def is_registered(federation: Federation, member: str) -> bool:
    try:
        await federation.server(member)
    except UnknownMember:
        return False
    return True


async def test_the_documented_client_walks_through_a_life_and_the_three_ways_to_find(
    gateway: Gateway, federation: Federation
) -> None:
    ended = await run([*example("documented_client.py"), gateway.url])
    assert (ended.code, ended.err) == (0, "")
    told = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    three = "documented_example_newer 1.10.0, documented_example_older 1.9.0, documented_example_preview 1.10.0-rc.1"
    assert told == [
        ["register", "documented_example_newer"],
        ["heartbeat", "heard"],
        ["heartbeat", "unknown, so registered again"],
        ["capability", three],
        ["tag", three],
        ["tags", "nobody"],
        ["select", "documented_example_newer 1.10.0"],
        ["unregister", "all three are gone"],
        ["select", "nobody is left, and that is an answer"],
    ]
    assert (await federation.ask("stats"))["members"] == 0


async def test_the_documented_client_says_that_no_gateway_is_there(nobody: int) -> None:
    ended = await run([*example("documented_client.py"), f"http://127.0.0.1:{nobody}"])
    assert ended.code == 1
    assert ended.err.startswith(f"http://127.0.0.1:{nobody}: ")
    assert "Traceback" not in ended.err


async def test_a_raw_nats_client_registers_beats_is_found_is_called_and_leaves(
    federation: Federation, settings: BusSettings
) -> None:
    ended = await run([*example("raw_nats.py"), settings.nats_url])
    assert (ended.code, ended.err) == (0, "")
    told = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    assert told[0][1].startswith("registered, revision ")
    assert told[1:] == [
        ["heartbeat", "heard: 1 of 10 slots in use"],
        ["search", "['raw_greeter']"],
        ["call", "{'greeting': 'Hello, Ada!'}"],
        ["call", "refused, invalid_arguments: name: a string is needed"],
        ["leave", "left: one"],
        ["search", "[]"],
        ["call", "nobody listens, said at once"],
    ]


async def test_a_raw_nats_client_says_that_no_server_is_there(nobody: int) -> None:
    ended = await run([*example("raw_nats.py"), f"nats://127.0.0.1:{nobody}"])
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"nats://127.0.0.1:{nobody}: ")
    assert "Traceback" not in ended.err


async def test_the_member_in_ten_lines_serves_and_leaves_when_told_to_stop(
    federation: Federation, nats_server: NatsServer
) -> None:
    async with running(example("weather_member.py"), {"OMEGA_NATS_URL": nats_server.url}) as process:
        await until(lambda: is_registered(federation, "weather"), within=20)
        manifest = await federation.server("weather")
        assert manifest["tools"][0]["description"] == "The weather in a city for the next days."
        assert await federation.call("weather", "forecast", {"city": "Oslo", "days": 3}) == {
            "city": "Oslo",
            "forecast": "sunny at first, then rain",
        }
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    assert not await is_registered(federation, "weather")
