"""`omega up --cluster 3`: it outlives any of its servers and members."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from bus.kv import Bucket
from omega.handshake import Exit
from tests.support.clustered import (
    HEALS_WITHIN_S,
    SEEN_WITHIN_S,
    SERVERS,
    STORED_AGAIN_WITHIN_S,
    answered,
    gateways,
    knows,
    stored,
)
from tests.support.nats import until
from tests.support.omega import Omega, client_of

pytestmark = pytest.mark.timeout(300)


def test_there_are_two_of_each_process_and_every_stream_is_on_three_servers(cluster_up: Omega) -> None:
    twice = [name for kind in ("directory", "gateway", "adopter", "weather.member") for name in (kind, f"{kind}-2")]
    assert set(cluster_up.processes) == {*SERVERS, *twice}
    (weather,) = cluster_up("ls", "--json").json["servers"]
    assert len(weather["instances"]) == 2
    assert len(set(gateways(cluster_up))) == 2
    assert cluster_up("doctor", "--json").code == Exit.OK


async def test_any_server_may_be_killed_and_nothing_acknowledged_is_lost(cluster_up: Omega) -> None:
    async with client_of(cluster_up) as federation:
        acknowledged = set()
        for name in SERVERS:  # the leader of the registry's stream is one of them
            before = cluster_up.processes[name]
            os.kill(before["pid"], signal.SIGKILL)
            for number in range(5):
                id = f"{name}_{number}"
                await until(lambda id=id: stored(federation, id), within=STORED_AGAIN_WITHIN_S)
                acknowledged.add(id)
            await until(lambda: answered(federation), within=STORED_AGAIN_WITHIN_S)
            await until(
                lambda name=name, pid=before["pid"]: cluster_up.processes[name]["pid"] not in (None, pid),
                within=HEALS_WITHIN_S,
            )
            await until(lambda: cluster_up.ready, within=HEALS_WITHIN_S)
            assert cluster_up.processes[name]["url"] == before["url"]
        bucket = Bucket(federation.bus, federation.bus.settings.bucket)
        assert [id for id in acknowledged if (await bucket.get(f"{id}.default")).value is None] == []
        for _ in range(4):  # whichever replica answers
            await until(lambda: knows(federation, acknowledged), within=SEEN_WITHIN_S)


async def test_a_killed_member_is_noticed_at_once_whichever_server_it_used(cluster_up: Omega) -> None:
    async with client_of(cluster_up) as federation:
        for name in ("weather.member", "weather.member-2"):
            async with asyncio.timeout(30):
                events = federation.events("stale", "weather")
                heard = asyncio.ensure_future(anext(events))
                await federation.bus.flush()
                os.kill(cluster_up.processes[name]["pid"], signal.SIGKILL)
                assert (await heard)["reason"].startswith("connection lost")
                await events.aclose()  # type: ignore[attr-defined] # it is a generator
            await until(lambda: cluster_up.ready, within=HEALS_WITHIN_S)
