"""Servers that hear of each other late: whoever goes over to another of them misses nothing of what is on its way."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from bus import Bus, BusSettings, Instance
from members import Member
from tests.support.cluster import NatsCluster, NatsNode
from tests.support.fault_proxy import FaultProxy
from tests.support.nats import until

pytestmark = pytest.mark.timeout(120)

FAR_S = 0.1
"""From one server to the other: ten times that is what a server gives its clients to go."""
NEWS_S = 1.5 * FAR_S
"""From the directory's answer to a member that leaves, until the last of its callers has heard of it."""
AT_ONCE = 4
"""Questions asked in each turn: many of them are on their way whatever the machine's speed."""
WHO = Instance("far", "one")


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[NatsCluster]:
    """Two servers, and a long way between them."""
    cluster = NatsCluster(tmp_path, 2)
    first, second = cluster.nodes
    assert second.plan.cluster is not None
    port = second.plan.cluster.port
    async with FaultProxy(port) as way:
        first.edit = lambda text: only_the_second(text).replace(f"{port}", f"{way.port}")
        second.edit = only_the_second  # itself: it is dialled, and dials nobody
        try:
            for node in cluster.nodes:
                node.start()
            await until(lambda: joined(first), within=20)
            await until(lambda: joined(second), within=20)
            way.delay(FAR_S)
            yield cluster
        finally:
            cluster.stop()


def only_the_second(text: str) -> str:
    """A configuration that names the second server's route alone."""
    return re.sub(r"routes: \[.*, (.*)\]", r"routes: [ \1]", text)


async def joined(node: NatsNode) -> bool:
    _, said = await asyncio.to_thread(node.asked, "/routez")
    return bool(said and said["num_routes"])


async def connected(stack: AsyncExitStack, url: str) -> Bus:
    bus = await Bus.connect(BusSettings(nats_url=url, max_backoff_s=0.2))
    stack.push_async_callback(bus.close)
    return bus


def counting(executed: Counter[int]) -> Member:
    member = Member(WHO.member, instance=WHO.instance, name="Far", description="Counts")

    @member.tool
    async def count(number: int) -> int:
        """Once more."""
        executed[number] += 1
        return number

    return member


@pytest.mark.parametrize("asked", ["any", "one"], ids=["whichever instance", "one instance"])
async def test_a_member_that_goes_over_misses_no_request_and_runs_none_twice(servers: NatsCluster, asked: str) -> None:
    near, far = servers.nodes
    executed: Counter[int] = Counter()
    async with AsyncExitStack() as stack:
        own, caller = await connected(stack, near.url), await connected(stack, far.url)
        for told in ("register", "leave"):  # no directory here: what counts is the bus
            caller.listen(caller.subjects.every(told), lambda message: caller.respond(message, b"{}"))
        await stack.enter_async_context(counting(executed).serving(own))
        subject = own.subjects.call(WHO.member, "count") if asked == "any" else own.subjects.call_at(WHO, "count")

        async def ask(number: int) -> bool:
            said = await caller.request(subject, orjson.dumps({"number": number}), timeout=10)
            return bool(orjson.loads(said.data) == {"result": number})

        await until(lambda: ask(-1))
        executed.clear()
        leaving = asyncio.create_task(asyncio.to_thread(near.lame_duck))
        answers = []
        while not leaving.done():
            answers += [asyncio.create_task(ask(len(answers) + number)) for number in range(AT_ONCE)]
            await asyncio.sleep(0.005)
        said = await asyncio.gather(*answers, return_exceptions=True)
        assert [number for number, one in enumerate(said) if one is not True] == []
        assert executed == Counter(range(len(answers)))
        assert len(answers) > 100


async def test_an_instance_that_leaves_answers_whoever_has_not_heard_of_it_yet(servers: NatsCluster) -> None:
    near, far = servers.nodes
    executed: Counter[int] = Counter()
    told = asyncio.Event()
    async with AsyncExitStack() as stack:
        own, caller = await connected(stack, near.url), await connected(stack, far.url)
        caller.listen(caller.subjects.every("register"), lambda message: caller.respond(message, b"{}"))
        caller.listen(caller.subjects.every("leave"), lambda message: (caller.respond(message, b"{}"), told.set()))
        serving = await stack.enter_async_context(counting(executed).serving(own))
        subject = own.subjects.call_at(WHO, "count")

        async def ask(number: int) -> bool:
            said = await caller.request(subject, orjson.dumps({"number": number}), timeout=5)
            return bool(orjson.loads(said.data) == {"result": number})

        await until(lambda: ask(-1))
        answers: list[asyncio.Task[bool]] = []
        leaving = asyncio.create_task(serving.stop())
        loop = asyncio.get_running_loop()
        heard = loop.time() + 3600
        while loop.time() < heard:
            if told.is_set() and heard > loop.time() + NEWS_S:
                heard = loop.time() + NEWS_S
            answers += [asyncio.create_task(ask(len(answers) + number)) for number in range(AT_ONCE)]
            await asyncio.sleep(0.005)
        said = await asyncio.gather(*answers, return_exceptions=True)
        await leaving
    assert [number for number, one in enumerate(said) if one is not True] == []
    assert len(answers) > 10
