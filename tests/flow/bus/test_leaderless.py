"""A stream without a leader: what one copy happens to hold is nobody's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from bus import Bus, BusSettings
from bus.errors import FederationError, StorageAway
from bus.kv import Bucket, Write
from bus.streams import prepare
from tests.support.cluster import NatsCluster, NatsNode, nats_cluster
from tests.support.nats import until

pytestmark = pytest.mark.timeout(120)

BUCKET = BusSettings().bucket
ANSWERS_WITHIN_S = 60.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    with nats_cluster(tmp_path) as cluster:
        yield cluster


def settings(*nodes: NatsNode) -> BusSettings:
    url = ",".join(node.url for node in nodes)
    return BusSettings(nats_url=url, replicas=3, connect_timeout_s=30, max_backoff_s=0.2)


async def test_a_copy_that_missed_writes_is_not_asked_who_is_there(cluster: NatsCluster) -> None:
    behind = await _left_behind(cluster)
    bus = await Bus.connect(settings(behind))
    try:
        await until(lambda: _answers_without_a_leader(bus), within=ANSWERS_WITHIN_S)
        bucket = Bucket(bus, BUCKET)
        with pytest.raises(StorageAway):
            await bucket.keys("late.*")
        with pytest.raises(StorageAway):
            await bucket.state()
    finally:
        await bus.close()


async def test_a_leader_that_is_cut_off_is_not_believed(cluster: NatsCluster) -> None:
    bus = await Bus.connect(settings(*cluster.nodes))
    await prepare(bus)
    stream = f"KV_{BUCKET}"
    await until(lambda: cluster.stream_leader(stream) is not None, within=ANSWERS_WITHIN_S)
    await bus.close()
    leader = cluster.stream_leader(stream)
    assert leader is not None
    others = [node for node in cluster.nodes if node is not leader]
    bus = await Bus.connect(settings(leader))
    try:
        bucket = Bucket(bus, BUCKET)
        revision = await bucket.put(Write("here.default", b"{}", 0))
        assert (await bucket.get_surely("here.default")).revision == revision
        for node in others:
            node.pause()
        await until(lambda: _unsure(bucket), within=ANSWERS_WITHIN_S)
        assert (await bucket.get("here.default")).revision == revision  # it goes on answering; that is the trap
        for asked in (bucket.get_surely("late.default"), bucket.state(), bucket.keys("late.*")):
            with pytest.raises(StorageAway):
                await asked
    finally:
        for node in others:
            node.resume()
        await bus.close()


async def _unsure(bucket: Bucket) -> bool:
    try:
        await bucket.get_surely("here.default")
    except StorageAway:
        return True
    return False


async def _left_behind(cluster: NatsCluster) -> NatsNode:
    """The one node that runs: it was frozen while the others took a write, and they are dead."""
    bus = await Bus.connect(settings(*cluster.nodes))
    await prepare(bus)
    await until(lambda: cluster.stream_leader(f"KV_{BUCKET}") is not None, within=ANSWERS_WITHIN_S)
    await bus.close()
    leader = cluster.stream_leader(f"KV_{BUCKET}")
    behind = next(node for node in cluster.nodes if node is not leader)
    others = [node for node in cluster.nodes if node is not behind]
    behind.pause()
    try:
        await _write(settings(*others))
        for node in others:
            await asyncio.to_thread(node.kill)
    finally:
        behind.resume()
    return behind


async def _write(settings: BusSettings) -> None:
    bus = await Bus.connect(settings)
    try:
        await until(lambda: _written(Bucket(bus, BUCKET)), within=ANSWERS_WITHIN_S)
    finally:
        await bus.close()


async def _written(bucket: Bucket) -> bool:
    try:
        await bucket.put(Write("late.default", b"{}", 0))
    except FederationError:
        return False
    return True


async def _answers_without_a_leader(bus: Bus) -> bool:
    """The server answers the question all the same; that is the trap."""
    try:
        reply = await bus.request(f"$JS.API.STREAM.INFO.KV_{BUCKET}", b"", timeout=1)
    except FederationError:
        return False
    told = orjson.loads(reply.data)
    return "state" in told and "leader" not in told["cluster"]
