"""Counting in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.limits import windows
from gateway.limits.rules import Quota
from gateway.limits.windows import LocalWindows
from tests.support.nats import until

TEN = Quota("requests", 10)


@pytest.fixture
async def local() -> AsyncIterator[LocalWindows]:
    local = LocalWindows()
    local.start()
    yield local
    await local.stop()


async def test_as_many_are_let_through_as_the_quota_says(local: LocalWindows) -> None:
    told = [await local.take(TEN, "a") for _ in range(12)]
    assert [one.allowed for one in told] == [True] * 10 + [False] * 2
    assert [one.remaining for one in told] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert all(0 <= one.reset_s <= 60 for one in told)


async def test_one_caller_takes_nothing_of_another(local: LocalWindows) -> None:
    for _ in range(11):
        await local.take(TEN, "a")
    assert (await local.take(TEN, "b")).remaining == 9


async def test_many_at_once_are_counted_one_by_one(local: LocalWindows) -> None:
    told = await asyncio.gather(*(local.take(TEN, "a") for _ in range(50)))
    assert sum(one.allowed for one in told) == 10


async def test_a_request_that_carries_many_costs_as_many(local: LocalWindows) -> None:
    assert (await local.take(TEN, "a", 7)).remaining == 3
    assert not (await local.take(TEN, "a", 7)).allowed


async def test_whoever_waits_as_told_is_let_through(local: LocalWindows) -> None:
    quick = Quota("requests", 4, window_s=1)
    for _ in range(5):
        last = await local.take(quick, "a")
    assert not last.allowed
    await asyncio.sleep(last.retry_after_s)
    assert (await local.take(quick, "a")).allowed


async def test_callers_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "SWEEP_S", 0.01)
    local = LocalWindows()
    local.start()
    short = Quota("requests", 10, window_s=1)
    for caller in range(2_500):
        await local.take(short, str(caller))
    assert len(local) == 2_500
    await until(lambda: not len(local), within=10)
    await local.stop()
