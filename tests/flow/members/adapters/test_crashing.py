"""A child that crashes again and again: pauses that grow, and a log and a manifest that say how often and why."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bus import Bus, BusSettings, CallOptions, Federation
from bus.errors import FederationError, NoInstance
from members.adapters import Described, Joined
from tests.flow.members.adapters.conftest import QUICK, Joining, stdio
from tests.support.nats import until
from tests.support.plain_server import plain_server

pytestmark = pytest.mark.timeout(60)


async def crash(federation: Federation, joined: Joined, code: int) -> None:
    losses = joined.upstream.losses.count
    with pytest.raises(FederationError):
        await federation.call("plain", "die", {"code": code}, CallOptions(timeout=10))
    await until(lambda: joined.upstream.losses.count > losses and joined.upstream.up.is_set(), within=20)


async def test_log_and_manifest_say_how_often_it_crashed_and_why(federation: Federation, join: Joining) -> None:
    async with join("plain", stdio(plain_server())) as joined:
        assert "server_losses" not in await federation.server("plain")
        with capture_logs() as logged:
            await crash(federation, joined, 7)
            await crash(federation, joined, 8)
        away = [line for line in logged if line["event"] == "server_away"]
        assert [(line["losses"], line["in_a_row"], line["reason"]) for line in away] == [
            (1, 1, "exit 7"),
            (2, 2, "exit 8"),
        ]
        assert {line["last_words"] for line in away} == {"what it said last"}

        async def shown() -> bool:
            return (await federation.server("plain")).get("server_losses") == {"count": 2, "last": "exit 8"}

        await until(shown, within=10)


async def test_a_good_while_makes_the_next_crash_the_first_again(federation: Federation, join: Joining) -> None:
    async with join("plain", stdio(plain_server()), replace(QUICK, stable_s=0.0)) as joined:
        for code in (1, 2):
            await crash(federation, joined, code)
        assert (joined.upstream.losses.count, joined.upstream.losses.in_a_row) == (2, 1)


async def test_a_server_that_never_comes_up_waits_longer_and_longer_and_costs_nobody_else(
    federation: Federation, settings: BusSettings, bus: Bus
) -> None:
    rules = replace(QUICK, longest_pause_s=0.1, many_losses=4, hopeless_pause_s=600.0, first_pause_s=0.02)
    joined = Joined(Described("broken"), stdio(plain_server("no key was given")), rules=rules)
    running = asyncio.create_task(joined.run(bus))
    with capture_logs() as logged:
        await until(lambda: joined.upstream.losses.count >= 5, within=30)
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    away = [line for line in logged if line["event"] == "server_away"]
    assert {(line["reason"], line["last_words"]) for line in away} == {("exit 3", "no key was given")}
    assert all(line["again_in_s"] <= 0.1 for line in away[:4])
    assert [line["losses"] for line in away] == list(range(1, len(away) + 1))
    with pytest.raises(FederationError):
        await federation.call("broken", "echo")


async def test_who_calls_meanwhile_is_told_how_often_it_was_lost(federation: Federation, join: Joining) -> None:
    async with join("plain", stdio(plain_server()), replace(QUICK, first_pause_s=20, longest_pause_s=20)) as joined:
        with pytest.raises(FederationError):
            await federation.call("plain", "die", {"code": 1}, CallOptions(timeout=10))
        await until(lambda: joined.upstream.losses.count == 1)
        with pytest.raises(NoInstance) as refused:
            await federation.call("plain", "echo", {}, CallOptions(timeout=10))
        assert (refused.value.details or {})["losses"] == 1
