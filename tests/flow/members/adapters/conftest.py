"""What a test of an adapter may ask for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from bus import Bus, BusSettings, Federation
from members.adapters import Described, Joined, StdioTarget, Target
from members.adapters.rules import Rules
from members.adapters.targets import child_environment
from members.guard import Policy

QUICK = Rules(
    first_pause_s=0.05, longest_pause_s=0.3, absent_after_s=30.0, check_every_s=0.3, check_patience_s=1.0,
    second_try_s=5.0, child_check_every_s=0.3, child_patience_s=2.0, stopped_s=0.5,
)  # fmt: skip

Joining = Callable[..., AbstractAsyncContextManager[Joined]]


def stdio(command: tuple[str, ...], **environment: str) -> StdioTarget:
    """The command with the environment that `omega join` gives it."""
    return StdioTarget(command, child_environment(os.environ, environment))


@pytest.fixture
def join(federation: Federation, settings: BusSettings) -> Joining:
    """Join a server for the length of a block; it is present when the block begins."""

    @asynccontextmanager
    async def joining(
        id: str, target: Target, rules: Rules = QUICK, policy: Policy | None = None
    ) -> AsyncIterator[Joined]:
        bus = await Bus.connect(settings, name=id)
        joined = Joined(Described(id, tags=["joined"]), target, rules=rules, policy=policy)
        running = asyncio.create_task(joined.run(bus))
        try:
            async with asyncio.timeout(60):
                await joined.present.wait()
            yield joined
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await bus.close()

    return joining
