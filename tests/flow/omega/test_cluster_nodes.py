"""The nodes of a cluster with the configuration they really get."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bus import Bus, BusSettings
from bus.errors import StorageAway
from bus.kv import Bucket, Write
from bus.streams import prepare
from tests.support.cluster import NatsCluster, nats_cluster
from tests.support.nats import until

pytestmark = pytest.mark.timeout(120)

LEADER_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    with nats_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def settings_of(cluster: NatsCluster) -> BusSettings:
    return BusSettings(nats_url=cluster.url, replicas=3, max_backoff_s=0.2)


async def test_every_node_may_hold_a_copy_of_the_registry(cluster: NatsCluster) -> None:
    bus = await Bus.connect(settings_of(cluster))
    try:
        await prepare(bus)
        stream = f"KV_{bus.settings.bucket}"
        await until(lambda: cluster.stream_leader(stream) is not None, within=LEADER_WITHIN_S)
        leader = cluster.stream_leader(stream)
        assert leader is not None
        details = leader.asked("/jsz?streams=true")[1]["account_details"]
        (found,) = [one for account in details for one in account["stream_detail"] if one["name"] == stream]
        assert len(found["cluster"]["replicas"]) == 2
    finally:
        await bus.close()


async def test_what_was_acknowledged_is_there_after_its_leader_was_killed(cluster: NatsCluster) -> None:
    bus = await Bus.connect(settings_of(cluster))
    try:
        await prepare(bus)
        bucket = Bucket(bus, bus.settings.bucket)
        revision = await bucket.put(Write("kept.one", b"{}", 0))
        leader = cluster.stream_leader(bucket.stream)
        assert leader is not None
        await asyncio.to_thread(leader.kill)
        before = leader.plan
        try:
            await until(lambda: cluster.stream_leader(bucket.stream) not in (None, leader), within=LEADER_WITHIN_S)
            await until(lambda: _answers(bucket), within=LEADER_WITHIN_S)
            assert (await bucket.get("kept.one")).revision == revision
        finally:
            leader.start()
        await asyncio.to_thread(cluster.wait_ready)
        assert leader.plan == before
    finally:
        await bus.close()


async def _answers(bucket: Bucket) -> bool:
    try:
        await bucket.state()
    except StorageAway:
        return False
    return True


async def test_the_others_agree_on_a_leader_while_one_is_frozen(cluster: NatsCluster) -> None:
    leader = cluster.meta_leader()
    assert leader is not None
    leader.pause()
    try:
        await until(lambda: cluster.meta_leader() not in (None, leader), within=LEADER_WITHIN_S)
    finally:
        leader.resume()
    await asyncio.to_thread(cluster.wait_ready)


async def test_a_stranger_cannot_join_the_cluster(cluster: NatsCluster) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", _route(cluster))
    try:
        writer.write(b'CONNECT {"verbose":false,"name":"stranger","cluster":"omega"}\r\nPING\r\n')
        async with asyncio.timeout(10):
            said = await reader.read(-1)
        assert b"Authorization Violation" in said
    finally:
        writer.close()


def _route(cluster: NatsCluster) -> int:
    place = cluster.nodes[0].plan.cluster
    assert place is not None
    return place.port
