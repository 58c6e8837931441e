"""Keeps one process alive: start, readiness, end, pause, again. What follows an end is `backoff`'s decision."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping

from omega.state import Phase, ProcessState
from omega.supervisor.backoff import Ended, GiveUp, RestartPolicy, decide
from omega.supervisor.child import Child, Sink
from omega.supervisor.spec import ChildSpec
from omega.supervisor.starting import Start, execute
from omega.waiting import first_of, within

Changed = Callable[[], None]
MAX_LAST_WORDS = 300


def last_words(output: bytes) -> str:
    """The last line of `output` that says something, without frames drawn around it and our own name before it."""
    lines = output[-4 * MAX_LAST_WORDS :].decode("utf-8", "replace").splitlines()
    bare = (line.strip(" │╭╮╰╯─") for line in reversed(lines))
    return next((line for line in bare if line), "")[:MAX_LAST_WORDS].removeprefix("omega: ")


class Keeper:
    """One process, over all its lives."""

    def __init__(
        self,
        spec: ChildSpec,
        *,
        policy: RestartPolicy,
        environment: Mapping[str, str],
        sink: Sink,
        changed: Changed,
        start: Start = execute,
    ) -> None:
        self.spec = spec
        self.state = ProcessState(spec.name, url=spec.url)
        self.answered = asyncio.Event()
        """Set when the first life was ready, or ended without being so."""
        self.gone = asyncio.Event()
        """Set while no process of it lives and `run` is not at work."""
        self.gone.set()
        self._policy = policy
        self._environment = {**environment, **spec.environment}
        self._sink = sink
        self._changed = changed
        self._start = start
        self._stop = asyncio.Event()
        self._child: Child | None = None
        self._restarts = 0
        self._last_end = ""
        self._last_words = ""

    async def run(self) -> None:
        """Live until `stop`, or until another start is hopeless."""
        self.gone.clear()
        try:
            await self._live()
        finally:
            self.gone.set()

    async def _live(self) -> None:
        failures = 0
        while not self._stop.is_set():
            ended = await self._life()
            if self._stop.is_set():
                break
            decision = decide(self._policy, ended, failures=failures, chance=random.random())
            if isinstance(decision, GiveUp):
                self._show(Phase.FAILED, f"{decision.reason}: {self._last_words}".removesuffix(": "))
                self.answered.set()
                return
            failures = decision.failures
            self._ended_early(ended.reason)
            await within(decision.after_s, self._stop)
        self._show(Phase.STOPPED)

    def stop(self) -> None:
        """Let `run` end the process and return."""
        self._stop.set()

    def kill(self) -> None:
        """As `stop`, without waiting for the process to end in its own way."""
        self._stop.set()
        if self._child is not None:
            self._child.kill()

    # one life -----------------------------------------------------------------------------------------------------

    async def _life(self) -> Ended:
        """From start to end."""
        began = time.monotonic()
        try:
            child = self._child = await self._spawned()
        except OSError as exc:
            return Ended(None, 0.0, was_ready=False, note=f"cannot be started: {exc.strerror or exc}")
        if child is None:
            return Ended(None, 0.0, was_ready=False, note="stopped before it began")
        self._show(Phase.STARTING, self._last_end, child=child)
        try:
            was_ready, note = await self._serve(child)
        finally:
            if self._stop.is_set():
                self._show(Phase.STOPPING, child=child)
            await child.end(self.spec.stop_timeout_s)
            self._child = None
        return Ended(child.code, time.monotonic() - began, was_ready, note)

    async def _spawned(self) -> Child | None:
        """The process; None where it is to end before it is there. Raises OSError."""
        spawning = asyncio.create_task(
            Child.spawn(self.spec.command, self._environment, self._hear, self._start), name=f"spawn-{self.spec.name}"
        )
        await first_of(spawning, self._stop.wait())
        return spawning.result() if spawning.done() and not spawning.cancelled() else None

    async def _serve(self, child: Child) -> tuple[bool, str]:
        """Until it ends or is to end. Returns whether it was ready, and what its exit code will not tell."""
        try:
            async with asyncio.timeout(self.spec.ready_timeout_s):
                await first_of(self.spec.ready(child), child.ended.wait(), self._stop.wait())
        except TimeoutError:
            return False, f"not ready within {self.spec.ready_timeout_s:g} s"
        if child.ended.is_set() or self._stop.is_set():
            return False, ""
        self._show(Phase.READY, self._last_end, child=child)
        self.answered.set()
        await first_of(child.ended.wait(), self._stop.wait())
        return True, ""

    def _hear(self, data: bytes) -> None:
        """Pass its output on, and keep the last line of it: what a process that gives up says is why."""
        self._sink(data)
        self._last_words = last_words(data) or self._last_words

    # what people see ----------------------------------------------------------------------------------------------

    def _ended_early(self, reason: str) -> None:
        self._restarts += 1
        self._last_end = f"last end: {reason}"
        self._show(Phase.RESTARTING, reason)
        self.answered.set()

    def _show(self, phase: Phase, detail: str = "", *, child: Child | None = None) -> None:
        same = child is not None and child.pid == self.state.pid
        since = self.state.since if same else time.time() if child else 0.0
        pid = child.pid if child else None
        self.state = ProcessState(self.spec.name, phase, pid, self._restarts, since, self.spec.url, detail)
        self._changed()
