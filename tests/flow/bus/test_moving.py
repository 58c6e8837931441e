"""A server that says it will end: the bus is elsewhere before it does, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from bus import Bus, BusSettings, Message
from tests.support.cluster import NatsCluster, NatsNode, nats_cluster
from tests.support.nats import until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    with nats_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def leaving(cluster: NatsCluster) -> AsyncIterator[NatsNode]:
    """The first node; it is there again afterwards."""
    node = cluster.nodes[0]
    yield node
    if not node.running:
        node.start()
    await asyncio.to_thread(cluster.wait_ready)


async def test_an_answer_on_its_way_arrives_and_no_request_fails_or_runs_twice(
    cluster: NatsCluster, leaving: NatsNode
) -> None:
    settings = BusSettings(nats_url=leaving.url, max_backoff_s=0.2)  # the others are learnt from it
    serving, asking = await Bus.connect(settings), await Bus.connect(settings)
    done: Counter[bytes] = Counter()
    go_on = asyncio.Event()

    async def serve(message: Message) -> None:
        done[message.data] += 1
        if message.data == b"slow":
            await go_on.wait()
        serving.respond(message, message.data)

    try:
        await serving.subscribe("test.shared", serve, queue="q")
        await serving.subscribe("test.alone", serve, queue="one")
        slow = asyncio.ensure_future(asking.request("test.shared", b"slow", timeout=30))
        await until(lambda: done[b"slow"] == 1)
        ended = asyncio.ensure_future(asyncio.to_thread(leaving.lame_duck))
        number = 0
        while not ended.done() and number < 20_000:
            number += 1
            if number == 200:
                go_on.set()
            shared, alone = f"shared {number}".encode(), f"alone {number}".encode()
            assert (await asking.request("test.shared", shared, timeout=5)).data == shared
            assert (await asking.request("test.alone", alone, timeout=5)).data == alone
        await ended
        assert (await slow).data == b"slow"
        assert number > 200
        assert set(done.values()) == {1}
        assert asking.connected
        assert serving.connected
    finally:
        await serving.close()
        await asking.close()
