"""One operating-system process of the supervisor: spawned, listened to, ended. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence

from omega.supervisor.starting import Birth, Start, Started, execute
from omega.waiting import within

CHUNK = 64 * 1024
OUTPUT_GRACE_S = 1.0
"""How long the output may stay open after the process ended (something it started may still hold it)."""

Sink = Callable[[bytes], None]


class Child:
    """A running process in a session of its own, tied to this one (see `tether`)."""

    def __init__(self, process: Started, *, output: Pipe, readiness: Pipe, sink: Sink) -> None:
        self.pid = process.pid
        self.announced = asyncio.Event()
        """Set when the process wrote to its `OMEGA_READY_FD`."""
        self.ended = asyncio.Event()
        """Set when it is gone, with everything it started, and its output is read."""
        self.code: int | None = None
        """Exit code once ended; negative: the signal that killed it."""
        self._process = process
        self._output = output
        self._readiness = readiness
        output.listen(sink)
        readiness.listen(lambda _: self.announced.set())
        self._life = asyncio.create_task(self._watch(), name=f"child-{process.pid}")

    @classmethod
    async def spawn(
        cls, command: Sequence[str], environment: Mapping[str, str], sink: Sink, start: Start = execute
    ) -> Child:
        """Start `command`; its output goes to `sink` as it comes. Raises OSError."""
        with Pipe() as output, Pipe() as readiness:
            process = await start(Birth(command, environment, output.writer, readiness.writer))
            return cls(process, output=output, readiness=readiness, sink=sink)

    async def end(self, patience_s: float) -> None:
        """Ask it to end; after `patience_s` kill it. Returns when it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        if not await within(patience_s, self.ended):
            self.kill()
            await self.ended.wait()

    def kill(self) -> None:
        """Kill it and everything it started, now."""
        if not self.ended.is_set():
            self._process.kill()

    async def _watch(self) -> None:
        self.code = await self._process.wait()
        self._process.clear()
        await within(OUTPUT_GRACE_S, self._output.ended)
        self._output.close()
        self._readiness.close()
        self.ended.set()


class Pipe:
    """A pipe whose writing end belongs to a child. As a context it closes that end here, and both after an error.

    asyncio's own pipes would not do: with them a process counts as running while anything it started holds one open.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.ended = asyncio.Event()
        """Set when nobody can write to it any more, or it was closed."""

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self.writer)
        if kind is not None:
            self.close()

    def listen(self, sink: Sink) -> None:
        """Give `sink` what is written, as it comes, until the end."""
        asyncio.get_running_loop().add_reader(self._reader, self._read, sink)

    def close(self) -> None:
        """Listen no longer. A second time has no effect."""
        if not self.ended.is_set():
            asyncio.get_running_loop().remove_reader(self._reader)
            os.close(self._reader)
            self.ended.set()

    def _read(self, sink: Sink) -> None:
        try:
            data = os.read(self._reader, CHUNK)
        except BlockingIOError:
            return
        if data:
            sink(data)
        else:
            self.close()
