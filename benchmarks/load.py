"""A closed-loop load: so many callers at once, each sending its next request when the last was answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.stage import Process

Request = Callable[[], Awaitable[int]]
"""Sends one request, checks the answer, and returns its size."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one level of load gave."""

    rate: float
    """Requests a second."""
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    """CPU per request of each process watched."""
    size: int
    """Bytes of an answer."""


async def measure(request: Request, callers: int, watched: list[Process], seconds: float = 3.0) -> Result:
    """Run `request` from `callers` callers for `seconds`, after a short warm-up."""
    await _run(request, callers, 0.5)
    before = [process.cpu() for process in watched]
    started = time.perf_counter()
    taken, size = await _run(request, callers, seconds)
    elapsed = time.perf_counter() - started
    used = [process.cpu() - cpu for process, cpu in zip(watched, before, strict=True)]
    taken.sort()
    return Result(
        rate=len(taken) / elapsed,
        p50_ms=taken[len(taken) // 2] * 1000,
        p99_ms=taken[int(len(taken) * 0.99)] * 1000,
        cpu_us={process.name: cpu / len(taken) * 1e6 for process, cpu in zip(watched, used, strict=True)},
        size=size,
    )


async def _run(request: Request, callers: int, seconds: float) -> tuple[list[float], int]:
    taken: list[float] = []
    end = time.perf_counter() + seconds
    size = 0

    async def caller() -> None:
        nonlocal size
        while (started := time.perf_counter()) < end:
            size = await request()
            taken.append(time.perf_counter() - started)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return taken, size
