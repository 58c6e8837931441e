"""What joining must not leave behind: sessions at the server, child processes, pipes, tasks, probes that disturb."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from bus import CallOptions, Federation
from bus.errors import FederationError
from members.adapters import HttpTarget, Joined
from tests.flow.members.adapters.conftest import QUICK, Joining, stdio
from tests.flow.members.adapters.test_stdio import child_of
from tests.support import mcp
from tests.support.counting_server import counting_server
from tests.support.nats import until
from tests.support.plain_server import plain_server

pytestmark = pytest.mark.timeout(60)

CALLS = 300
CRASHES = 8


async def test_any_number_of_calls_is_one_session_and_it_is_ended(federation: Federation, join: Joining) -> None:
    async with counting_server() as server:
        async with join("remote", HttpTarget(server.url)):
            for _ in range(CALLS // 20):
                calls = [federation.mcp(mcp.call("remote", "echo")) for _ in range(20)]
                assert all(mcp.result(answer)["content"] for answer in await asyncio.gather(*calls))
            assert server.asked["tools/call"] == CALLS
            assert (server.opened, len(server.sessions)) == (1, 1)
        assert not server.sessions


async def test_a_strict_server_is_not_disturbed_by_probes(federation: Federation, join: Joining) -> None:
    async with counting_server() as server, join("remote", HttpTarget(server.url), replace(QUICK, check_every_s=0.05)):
        await until(lambda: server.asked["ping"] >= 5, within=10)
        assert server.methods["GET"] <= 1  # whether it has a stream of its own, asked once
        assert set(server.methods) <= {"GET", "POST"}
        assert await federation.call("remote", "echo")


async def test_a_server_that_crashes_often_leaves_no_process_no_pipe_and_no_task_behind(
    federation: Federation, join: Joining
) -> None:
    here = psutil.Process()
    async with join("plain", stdio(plain_server()), replace(QUICK, first_pause_s=0.01, longest_pause_s=0.02)) as joined:
        await federation.call("plain", "echo")
        await crash(federation, 1)
        await until(there_again(joined, 1), within=20)
        children, pipes, tasks = len(here.children()), here.num_fds(), len(asyncio.all_tasks())
        pids = set()
        for crashed in range(2, CRASHES + 2):
            pids.add(child_of(joined))
            await crash(federation, crashed)
            await until(there_again(joined, crashed), within=20)
        assert len(pids) == CRASHES
        await until(lambda: len(here.children()) <= children)
        await until(lambda: here.num_fds() <= pipes)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        assert await federation.call("plain", "echo")
    await until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def there_again(joined: Joined, losses: int) -> Callable[[], bool]:
    return lambda: joined.upstream.losses.count >= losses and joined.upstream.up.is_set()


async def crash(federation: Federation, code: int) -> None:
    with pytest.raises(FederationError):
        await federation.call("plain", "die", {"code": code}, CallOptions(timeout=10))
