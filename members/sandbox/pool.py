"""Warm workers of one engine. A job has a worker to itself and cannot outlive its time.

A worker that overruns, crashes or is no longer wanted is killed with its process group; the next job gets a new one.
Jobs are pure (no effects outside their scratch directory), so a job whose warm worker turns out to be dead before
it answered anything is simply given to a fresh one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from members.sandbox import child, frames
from members.sandbox.limits import Limits
from members.sandbox.refusals import Failed, Occupied, from_data

ENTRY = Path(__file__).with_name("entry.py")
ROOT = Path(__file__).parent.parent.parent
JOBS_PER_WORKER = 200
"""A worker is replaced after this many jobs, so that what engines leak stays small."""

OnProgress = Callable[[Any], Awaitable[None]]

log = structlog.get_logger(__name__)


class WorkerGone(Exception):
    """The process ended before it answered."""


class Worker:
    """One process that serves jobs of an engine, one at a time."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.served = 0

    @classmethod
    async def start(cls, engine: str, limits: Limits) -> Worker:
        argv = [sys.executable, "-P", str(ENTRY), engine]
        return cls(await child.start(argv, limits=limits, env=worker_environment(os.environ), talks=True))

    async def ask(self, request: frames.Frame, on_progress: OnProgress | None) -> frames.Frame:
        """Send a job and return its outcome frame. Raises WorkerGone."""
        assert self.process.stdin is not None
        self.served += 1
        try:
            self.process.stdin.write(frames.encode(request))
            await self.process.stdin.drain()
            frame = await self._next()
            while "progress" in frame:
                if on_progress is not None:
                    await on_progress(frame["progress"])
                frame = await self._next()
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise WorkerGone from exc
        return frame

    async def _next(self) -> frames.Frame:
        assert self.process.stdout is not None
        head = await self.process.stdout.readexactly(4)
        frame: frames.Frame = frames.decode(await self.process.stdout.readexactly(frames.length(head)))
        return frame


class Pool:
    """At most `size` workers of one engine. Nothing is started before the first job."""

    def __init__(self, engine: str, *, size: int, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Worker] = []
        self._closed = False

    async def run(
        self, job: str, arguments: Mapping[str, Any], *, timeout: float, on_progress: OnProgress | None = None
    ) -> Any:
        """The job's result. `timeout`, in seconds, bounds the wait for a free worker and, anew, the work.

        Raises the Refusal the job raised, Occupied when no worker came free, or Failed with the reason `time_limit`
        or `engine_crashed`."""
        async with self._slot(timeout):
            try:
                async with asyncio.timeout(timeout):
                    frame = await self._outcome({"job": job, "arguments": arguments}, on_progress)
            except TimeoutError:
                raise Failed(f"not done within the limit of {timeout:g} s", reason="time_limit") from None
        if "refused" in frame:
            raise from_data(frame["refused"])
        if "crashed" in frame:
            log.error("engine crashed", engine=self._engine, job=job, crash=frame["crashed"])
            raise Failed("the engine could not cope with this input", reason="engine_crashed")
        return frame["result"]

    async def warm(self) -> None:
        """Start one worker ahead of the first job."""
        if not self._idle:
            self._idle.append(await Worker.start(self._engine, self._limits))

    async def close(self) -> None:
        """End the idle workers; one at work ends with its own job."""
        self._closed = True
        while self._idle:
            await child.end(self._idle.pop().process)

    @asynccontextmanager
    async def _slot(self, patience: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(patience):
                await self._slots.acquire()
        except TimeoutError:
            raise Occupied("every worker is busy; nothing was begun") from None
        try:
            yield
        finally:
            self._slots.release()

    async def _outcome(self, request: frames.Frame, on_progress: OnProgress | None) -> frames.Frame:
        while self._idle:
            try:
                return await self._work(self._idle.pop(), request, on_progress)
            except WorkerGone:
                log.info("idle worker was gone", engine=self._engine)
        try:
            return await self._work(await Worker.start(self._engine, self._limits), request, on_progress)
        except WorkerGone:
            return {"crashed": "the process ended"}

    async def _work(self, worker: Worker, request: frames.Frame, on_progress: OnProgress | None) -> frames.Frame:
        kept = False
        try:
            frame = await worker.ask(request, on_progress)
            kept = "crashed" not in frame and worker.served < JOBS_PER_WORKER and not self._closed
        finally:
            if kept:
                self._idle.append(worker)
            else:
                await child.end(worker.process)
        return frame


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a worker may know: where programs and modules are, and nothing of the owner's settings or secrets."""
    paths = [str(ROOT), *(path for path in sys.path if path)]
    return {
        "PATH": environment.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "ignore",
        "HOME": "/nonexistent",
        "TMPDIR": tempfile.gettempdir(),
    }
