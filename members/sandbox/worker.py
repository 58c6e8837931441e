"""The loop inside a worker: a job comes in, progress and exactly one outcome go out.

`{"job", "arguments"}` in; `{"progress": …}` any number of times, then one of `{"result": …}`, `{"refused": …}`,
`{"crashed": …}`. A crash is told by the exception's type and place only: its text may quote the input.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import IO, Any

from members.sandbox import frames
from members.sandbox.refusals import Refusal, TooLarge, as_data

Report = Callable[[Any], None]
Job = Callable[[Mapping[str, Any], Report], Any]

RECURSION_LIMIT = 5000
"""Parsers recurse on nested input; this is deep enough for code that people write and far from the end of the stack."""


def main(engine: str) -> None:
    """Serve jobs of an engine until the pipe ends."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    jobs: Mapping[str, Job] = importlib.import_module(engine).JOBS
    incoming, outgoing = own_pipes()
    while (request := frames.read(incoming)) is not None:
        send(outgoing, outcome(jobs, request, lambda step: send(outgoing, frames.encode({"progress": step}))))


def own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to the parent, out of reach of engines that print or read."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    return incoming, outgoing


def send(outgoing: IO[bytes], frame: bytes) -> None:
    outgoing.write(frame)
    outgoing.flush()


def outcome(jobs: Mapping[str, Job], request: Mapping[str, Any], report: Report) -> bytes:
    """The frame that ends a job, whatever happened: this is the worker's supervisor."""
    try:
        return frames.encode({"result": jobs[request["job"]](request["arguments"], report)})
    except Refusal as refusal:
        return refused(refusal)
    except MemoryError:
        return refused(TooLarge("the input needs more memory than one job may use"))
    except RecursionError:
        return refused(TooLarge("the input is nested more deeply than can be worked on"))
    except Exception as crash:  # noqa: BLE001 - the top of a process: every crash becomes an outcome
        return frames.encode({"crashed": place(crash)})


def refused(refusal: Refusal) -> bytes:
    return frames.encode({"refused": as_data(refusal)})


def place(crash: BaseException) -> str:
    """Type and origin of an exception, without its text."""
    frames_of_crash = traceback.extract_tb(crash.__traceback__)
    where = f" at {frames_of_crash[-1].filename}:{frames_of_crash[-1].lineno}" if frames_of_crash else ""
    return f"{type(crash).__name__}{where}"


if __name__ == "__main__":
    main(sys.argv[1])
