"""A child that hangs is noticed, ended and started again; one that is only busy is left at its work."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from bus import CallOptions, Federation
from bus.errors import DeadlineExceeded, MemberLost
from members.adapters import Joined
from tests.flow.members.adapters.conftest import QUICK, Joining, stdio
from tests.flow.members.adapters.test_stdio import STRANGERS, child_of
from tests.support import mcp
from tests.support.nats import until
from tests.support.plain_server import IGNORES_PINGS, plain_server
from tests.support.strangers import node_server

pytestmark = pytest.mark.timeout(120)

PATIENT = CallOptions(timeout=60)
IMPATIENT = replace(QUICK, child_patience_s=0.5)


async def back(joined: Joined, dead: int) -> None:
    """The server is there again, as another process."""
    async with asyncio.timeout(30):
        await joined.upstream.down.wait()
        await joined.upstream.up.wait()
    assert child_of(joined) != dead
    await until(lambda: not psutil.pid_exists(dead), within=10)


@pytest.mark.parametrize("name", ["everything", "time"])
async def test_a_stopped_server_is_started_again(
    name: str, federation: Federation, join: Joining, tmp_path: Path
) -> None:
    stranger = STRANGERS[name]
    command, tool, arguments = stranger.command(tmp_path), stranger.tool, stranger.arguments(tmp_path)
    async with join(name, stdio(command)) as joined:
        stopped = child_of(joined)
        with capture_logs() as logged:
            os.kill(stopped, signal.SIGSTOP)
            await back(joined, stopped)
        assert any("signal stopped it" in line.get("reason", "") for line in logged)
        assert mcp.result(await federation.mcp(mcp.call(name, tool, arguments)))["content"]


async def test_calls_in_a_stopped_server_end_with_an_error_that_says_so(federation: Federation, join: Joining) -> None:
    async with join("everything", stdio(node_server("everything", "stdio"))) as joined:
        stopped = child_of(joined)
        os.kill(stopped, signal.SIGSTOP)
        calls = [federation.mcp(mcp.call("everything", "get-sum", {"a": n, "b": 1}), PATIENT) for n in range(3)]
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*calls)
        for answer in answers:
            told = mcp.error(answer)
            assert (told["data"]["code"], told["data"]["retryable"]) == (MemberLost.code, False)
            assert "signal stopped it" in told["message"]
        await back(joined, stopped)


async def test_a_server_that_reads_no_more_keeps_no_caller_beyond_its_deadline(
    federation: Federation, join: Joining
) -> None:
    rules = replace(QUICK, stopped_s=60, child_patience_s=60)
    async with join("everything", stdio(node_server("everything", "stdio")), rules) as joined:
        stopped = child_of(joined)
        os.kill(stopped, signal.SIGSTOP)
        try:
            with pytest.raises(DeadlineExceeded):
                async with asyncio.timeout(10):
                    more_than_a_pipe_holds = {"message": "x" * (3 << 20)}
                    await federation.call("everything", "echo", more_than_a_pipe_holds, CallOptions(timeout=0.5))
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert await federation.call("everything", "echo", {"message": "back"})
        assert child_of(joined) == stopped


async def test_a_single_threaded_server_is_left_alone_while_its_tool_runs(
    federation: Federation, join: Joining
) -> None:
    async with join("plain", stdio(plain_server()), IMPATIENT) as joined:
        child = child_of(joined)
        assert await federation.call("plain", "sleep", {"seconds": 3}, PATIENT)
        assert await federation.call("plain", "echo", {}, PATIENT)
        assert (child_of(joined), joined.upstream.losses.count) == (child, 0)


async def test_a_tool_that_never_ends_is_ended_after_its_callers_deadline(
    federation: Federation, join: Joining
) -> None:
    async with join("plain", stdio(plain_server()), IMPATIENT) as joined:
        hanging = child_of(joined)
        with pytest.raises(DeadlineExceeded):
            await federation.call("plain", "sleep", {"seconds": 1_000}, CallOptions(timeout=1))
        behind = await federation.mcp(mcp.call("plain", "echo"), PATIENT)  # it only waits, and excuses nothing
        assert "answered nothing" in mcp.error(behind)["message"]
        await back(joined, hanging)
        assert await federation.call("plain", "echo", {})


async def test_an_idle_server_is_asked_and_left_alone_when_it_answers(federation: Federation, join: Joining) -> None:
    async with join("plain", stdio(plain_server()), replace(IMPATIENT, child_check_every_s=0.05)) as joined:
        child, heard_at = child_of(joined), joined.upstream._life.heard_at
        await until(lambda: joined.upstream._life.heard_at > heard_at + 1)
        assert (child_of(joined), joined.upstream.losses.count) == (child, 0)


async def test_a_server_that_ignores_pings_is_left_alone(federation: Federation, join: Joining) -> None:
    rules = replace(IMPATIENT, child_check_every_s=0.05, child_patience_s=0.2)
    async with join("plain", stdio(plain_server(IGNORES_PINGS)), rules) as joined:
        assert await federation.call("plain", "sleep", {"seconds": 1}, PATIENT)
        assert await federation.call("plain", "sleep", {"seconds": 1}, PATIENT)
        assert joined.upstream.losses.count == 0
