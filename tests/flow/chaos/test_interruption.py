"""A run that is broken off leaves no process behind."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import psutil
import pytest

from tests.chaos.plan import MEMBERS, NODES, PAIR
from tests.chaos.process import ROOT
from tests.support.nats import until

pytestmark = pytest.mark.timeout(180)

LOADED_WITHIN_S = 120.0
ENDS_WITHIN_S = 60.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_run_that_is_told_to_end_ends_all_it_started(tmp_path: Path, number: signal.Signals) -> None:
    journal = tmp_path / "operations.jsonl"
    command = (sys.executable, "-m", "tests.chaos", "--short", "--seed", "3", "--keep", str(tmp_path))
    run = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    try:
        await until(
            lambda: run.returncode is not None or (journal.exists() and journal.stat().st_size > 0),
            within=LOADED_WITHIN_S,
        )
        started = psutil.Process(run.pid).children(recursive=True)
        assert len(started) == NODES + 2 * PAIR + MEMBERS, started
        run.send_signal(number)
        async with asyncio.timeout(ENDS_WITHIN_S):
            said, _ = await run.communicate()
        assert run.returncode != 0
        assert "seed 3: did not come to its end" in said.decode()
        assert not psutil.wait_procs(started, timeout=5)[1]
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()
