"""Programs run beside a test, as a person runs them: their own process, the test's own settings, every wait bounded."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.markdown import ROOT

WITHIN_S = 50.0
STAND_INS = {"nats": "tests.support.nats_command", "curl": "tests.support.curl_command"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


async def run(words: Sequence[str], environment: Mapping[str, str] | None = None, *, at: Path = ROOT) -> Ended:
    """Run a program to its end."""
    async with running(words, environment, at=at) as process, asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def running(
    words: Sequence[str], environment: Mapping[str, str] | None = None, *, at: Path = ROOT
) -> AsyncIterator[Process]:
    """A program that runs for the length of the block; killed where it did not end by itself."""
    env = {**os.environ, **(environment or {})}
    process = await asyncio.create_subprocess_exec(*words, cwd=at, env=env, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def example(name: str) -> list[str]:
    """The command line that runs an example."""
    return [sys.executable, str(ROOT / "examples" / name)]


def with_stand_ins(folder: Path) -> str:
    """A PATH with this environment's programs, and in `folder` a stand-in for each of STAND_INS that is missing."""
    for name, module in STAND_INS.items():
        if shutil.which(name) is None:
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            script.chmod(0o755)
    return os.pathsep.join((str(folder), str(Path(sys.executable).parent), os.environ["PATH"]))
