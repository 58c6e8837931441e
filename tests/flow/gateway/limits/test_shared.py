"""Limits that are counted in Redis, and a Redis that is away, slow, or none at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.limits.rules import Quota, Standing
from gateway.limits.shared import SLOW_IN_A_ROW, SharedWindows
from tests.support.nats import until
from tests.support.redis import PASSWORD, RedisServer

pytestmark = pytest.mark.timeout(60)

PATIENCE = 0.005
TEN = Quota("requests", 10)
PLENTY = Quota("requests", 1_000_000)
SLACK = 0.25
"""A bound for one call that nobody's busy machine breaks, and far below what waiting for Redis would take."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def sharing(url: str, patience: float = 1.0) -> AsyncIterator[SharedWindows]:
    windows = SharedWindows(url, patience_s=patience)
    windows.start()
    try:
        yield windows
    finally:
        await windows.stop()


async def well(*shared: SharedWindows) -> None:
    for one in shared:
        async with asyncio.timeout(15):
            await one.well.wait()


async def timed(windows: SharedWindows, quota: Quota = PLENTY) -> tuple[Standing, float]:
    began = time.perf_counter()
    return await windows.take(quota, "a"), time.perf_counter() - began


async def test_two_gateways_share_one_limit(redis: RedisServer) -> None:
    async with sharing(redis.url) as one, sharing(redis.url) as other:
        await well(one, other)
        told = [await windows.take(TEN, "a") for _ in range(6) for windows in (one, other)]
        assert sum(standing.allowed for standing in told) == 10
        assert [standing.remaining for standing in told][:3] == [9, 8, 7]
        assert not len(one.local)


async def test_a_thousand_at_once_are_counted_right(redis: RedisServer) -> None:
    async with sharing(redis.url) as one, sharing(redis.url) as other:
        await well(one, other)
        for _ in range(20):  # as many at a time as are asked of Redis
            await asyncio.gather(*(windows.take(Quota("requests", 500), "a") for windows in (one, other) * 25))
        told = await asyncio.gather(*(windows.take(Quota("requests", 500), "a") for windows in (one, other)))
        assert not any(standing.allowed for standing in told)


async def test_a_redis_that_was_never_there_keeps_nobody_waiting(redis: RedisServer) -> None:
    redis.kill()
    with capture_logs() as logs:
        async with sharing(redis.url, PATIENCE) as windows:
            await until(lambda: any(line["event"] == "shared_limits_away" for line in logs))
            told = [await timed(windows, TEN) for _ in range(11)]
    assert [standing.allowed for standing, _ in told] == [True] * 10 + [False]
    assert max(seconds for _, seconds in told) < SLACK


async def test_a_redis_that_is_killed_is_told_of_once_and_comes_back(redis: RedisServer) -> None:
    with capture_logs() as logs:
        async with sharing(redis.url) as windows:
            await well(windows)
            redis.kill()
            told = await asyncio.gather(*(timed(windows) for _ in range(200)))
            assert all(standing.allowed for standing, _ in told)
            assert not windows.well.is_set()
            await asyncio.sleep(1.5)  # several trials fail meanwhile
            redis.start()
            await well(windows)
            before = len(windows.local)
            await windows.take(Quota("others", 10), "somebody new")
            assert len(windows.local) == before, "it is counted in Redis again"
    assert told_of(logs) == ["shared_limits", "shared_limits_away", "shared_limits_back"]
    assert PASSWORD not in str(logs)


async def test_a_redis_that_hangs_costs_a_few_calls_a_few_milliseconds(redis: RedisServer) -> None:
    with capture_logs() as logs:
        async with sharing(redis.url, PATIENCE) as windows:
            await well(windows)
            redis.pause()
            spent = [(await timed(windows))[1] for _ in range(100)]
            assert max(spent) < SLACK
            assert not windows.well.is_set()
            assert sum(seconds > PATIENCE * 0.9 for seconds in spent) <= SLOW_IN_A_ROW + 5, "waited for again and again"
            redis.resume()
            await well(windows)
    assert told_of(logs) == ["shared_limits", "shared_limits_away", "shared_limits_back"]


async def test_a_redis_that_was_restarted_and_forgot_everything_counts_anew(redis: RedisServer) -> None:
    async with sharing(redis.url) as windows:
        await well(windows)
        assert (await windows.take(TEN, "a")).remaining == 9
        redis.kill()
        redis.start()
        await windows.take(TEN, "a")
        await well(windows)
        assert (await windows.take(TEN, "a")).allowed


NONSENSE = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "numbers": b":1\r\n" * 20,
    "texts": b"$3\r\nabc\r\n" * 20,
    "nothing": b"$-1\r\n" * 20,
    "errors": b"-ERR no such thing\r\n" * 20,
    "lists": b"*2\r\n$1\r\na\r\n$1\r\nb\r\n" * 20,
    "a giant length": b"$99999999999\r\nx",
    "bytes": bytes(range(256)),
    "the end": b"",
}


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer and await reader.read(4_096):
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_whatever_answers_in_place_of_redis_stops_nobody(answer: bytes) -> None:
    with capture_logs() as logs:
        async with answering(answer) as url, sharing(url, PATIENCE) as windows:
            windows.well.set()  # as if it had been well until now
            told = [await timed(windows, TEN) for _ in range(20)]
            assert max(seconds for _, seconds in told) < SLACK
            await until(lambda: not windows.well.is_set(), within=15)
            await asyncio.sleep(0.6)
            assert not windows.well.is_set()
    assert all(standing.remaining <= 10 for standing, _ in told)
    assert told_of(logs).count("shared_limits_away") == 1


async def test_more_requests_than_are_asked_at_once_do_not_queue(redis: RedisServer) -> None:
    async with sharing(redis.url) as windows:
        await well(windows)
        told = await asyncio.gather(*(timed(windows) for _ in range(2_000)))
        assert all(standing.allowed for standing, _ in told)
        assert windows.well.is_set()


async def test_requests_that_are_given_up_leave_nothing_behind(redis: RedisServer) -> None:
    async with sharing(redis.url) as windows:
        await well(windows)
        for _ in range(20):
            calls = [asyncio.create_task(windows.take(PLENTY, "a")) for _ in range(20)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert windows._asking == 0
        told = [await windows.take(TEN, "b") for _ in range(11)]
        assert [standing.allowed for standing in told] == [True] * 10 + [False], "no answer was taken for another's"


def told_of(logs: list[Any]) -> list[str]:
    return [line["event"] for line in logs if line["event"].startswith("shared_limits")]
