"""A process that a signal stopped is known, whoever of its session it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from members.adapters.processes import stopped
from tests.support.nats import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system is not asked")


@contextmanager
def session(script: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


async def test_a_stopped_process_is_known_until_it_goes_on() -> None:
    with session("exec sleep 100") as process:
        assert not stopped(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        await until(lambda: stopped(process.pid))
        os.kill(process.pid, signal.SIGCONT)
        await until(lambda: not stopped(process.pid))


async def test_a_stopped_process_behind_a_wrapper_is_known_too() -> None:
    with session("sleep 100 & echo $!; wait") as process:
        assert process.stdout is not None
        behind = int(process.stdout.readline())
        os.kill(behind, signal.SIGSTOP)
        await until(lambda: stopped(process.pid))


def test_a_session_that_is_none_is_not_stopped() -> None:
    assert not stopped(2**30)
