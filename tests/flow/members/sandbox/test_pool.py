"""Real workers: warm, limited, killed when they do not end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from members.sandbox.limits import Limits
from members.sandbox.pool import Pool
from members.sandbox.refusals import Failed, Invalid, Occupied, TooLarge
from tests.support.nats import until

ENGINE = "tests.flow.members.sandbox.engine"
LIMITS = Limits(memory_bytes=1 << 30, file_bytes=1 << 20)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(ENGINE, size=2, limits=LIMITS)
    yield pool
    await pool.close()


async def test_a_job_answers_from_a_limited_process_that_knows_nothing_of_its_owner(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_SECRET", "x")
    told = await pool.run("who", {}, timeout=20)
    assert (told["memory"], told["file"]) == (LIMITS.memory_bytes, LIMITS.file_bytes)
    assert "OMEGA_SECRET" not in told["environment"]
    assert not told["sdk_loaded"]


async def test_the_next_job_finds_the_worker_warm(pool: Pool) -> None:
    first = await pool.run("who", {}, timeout=20)
    assert (await pool.run("who", {}, timeout=20))["pid"] == first["pid"]


async def test_progress_arrives_in_order(pool: Pool) -> None:
    told: list[int] = []

    async def note(step: int) -> None:
        told.append(step)

    assert await pool.run("count", {"to": 50}, timeout=20, on_progress=note) == 50
    assert told == list(range(50))


async def test_a_refusal_is_the_callers_and_the_worker_stays(pool: Pool) -> None:
    first = await pool.run("who", {}, timeout=20)
    with pytest.raises(Invalid, match="not this one"):
        await pool.run("refuse", {}, timeout=20)
    assert (await pool.run("who", {}, timeout=20))["pid"] == first["pid"]


async def test_a_crash_is_told_to_the_operator_and_its_text_to_nobody(pool: Pool) -> None:
    with capture_logs() as logs, pytest.raises(Failed) as caught:
        await pool.run("crash", {"secret": "hunter2"}, timeout=20)
    assert caught.value.details == {"reason": "engine_crashed"}
    assert "RuntimeError at" in str(logs)
    assert "hunter2" not in str(logs) + caught.value.message


async def test_a_worker_that_dies_is_a_failure_and_the_next_job_gets_a_new_one(pool: Pool) -> None:
    with pytest.raises(Failed) as caught:
        await pool.run("die", {}, timeout=20)
    assert caught.value.details["reason"] == "engine_crashed"
    assert (await pool.run("who", {}, timeout=20))["pid"]


async def test_a_warm_worker_found_dead_costs_nothing(pool: Pool) -> None:
    assert await pool.run("die_once", {}, timeout=20) == "fresh"
    assert await pool.run("die_once", {}, timeout=20) == "fresh"


async def test_an_idle_worker_that_was_killed_is_replaced(pool: Pool) -> None:
    first = await pool.run("who", {}, timeout=20)
    worker = psutil.Process(first["pid"])
    worker.kill()
    await until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    assert (await pool.run("who", {}, timeout=20))["pid"] != first["pid"]


async def test_a_job_beyond_its_time_is_killed_with_everything_it_started(pool: Pool, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(Failed, match="limit of 3 s") as caught:
        await pool.run("hang", {"pids": str(pids)}, timeout=3)
    assert caught.value.details["reason"] == "time_limit"
    await gone(pids)


async def test_a_cancelled_job_is_killed_with_everything_it_started(pool: Pool, tmp_path: Path) -> None:
    pids, begun = tmp_path / "pids", asyncio.Event()

    async def note(_: Any) -> None:
        begun.set()

    job = asyncio.create_task(pool.run("hang", {"pids": str(pids)}, timeout=60, on_progress=note))
    await asyncio.wait_for(begun.wait(), 20)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await gone(pids)


def process_ids(pids: Path) -> list[int]:
    return [int(text) for text in pids.read_text().split()]


async def gone(pids: Path) -> None:
    processes = process_ids(pids)
    assert len(processes) == 2
    await until(lambda: not any(alive(pid) for pid in processes), what="both processes are gone")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_job_that_wants_too_much_memory_is_refused(pool: Pool) -> None:
    with pytest.raises(TooLarge, match="memory"):
        await pool.run("devour", {"bytes": 2 << 30}, timeout=20)


async def test_an_engine_that_prints_disturbs_nobody(pool: Pool) -> None:
    assert await pool.run("chatter", {}, timeout=20) == ""
    assert await pool.run("count", {"to": 1}, timeout=20) == 1


async def test_more_jobs_than_workers_wait_for_each_other(pool: Pool) -> None:
    results = await asyncio.gather(*(pool.run("who", {}, timeout=20) for _ in range(8)))
    assert len({each["pid"] for each in results}) <= 2


async def test_no_free_worker_in_time_is_occupied_and_nothing_was_begun(tmp_path: Path) -> None:
    pool = Pool(ENGINE, size=1, limits=LIMITS)
    begun = asyncio.Event()

    async def note(_: Any) -> None:
        begun.set()

    holder = asyncio.create_task(pool.run("hang", {"pids": str(tmp_path / "p")}, timeout=60, on_progress=note))
    await asyncio.wait_for(begun.wait(), 20)
    with pytest.raises(Occupied, match="nothing was begun"):
        await pool.run("who", {}, timeout=0.2)
    holder.cancel()
    await asyncio.wait({holder})
    await pool.close()


async def test_an_engine_that_cannot_be_imported_is_a_failure_and_no_hang() -> None:
    pool = Pool("no.such.engine", size=1, limits=LIMITS)
    with pytest.raises(Failed):
        await pool.run("who", {}, timeout=20)
    await pool.close()


async def test_a_large_result_comes_whole(pool: Pool) -> None:
    assert await pool.run("devour", {"bytes": 10, "padding": "x" * 3_000_000}, timeout=20) == 10


async def test_a_worker_that_was_at_work_when_the_pool_was_closed_ends_with_its_job() -> None:
    pool, begun = Pool(ENGINE, size=1, limits=LIMITS), asyncio.Event()

    async def note(_: Any) -> None:
        if not begun.is_set():
            begun.set()
            await pool.close()

    assert await pool.run("count", {"to": 3}, timeout=20, on_progress=note) == 3
    assert psutil.Process().children() == []
