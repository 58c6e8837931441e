"""The schedule, carried out: hurt, hold, heal, and wait until all is well again. What happened when is written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from tests.chaos.journal import Hurt, Journal
from tests.chaos.plan import Fault, Kind, Part
from tests.chaos.stage import Stage, until
from tests.chaos.watch import Watch

RECOVERS_WITHIN_S = 60.0

log = structlog.get_logger(__name__)


class Victim(Protocol):
    """What can be hurt as a process: a node, or one of ours."""

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Who is hurt."""

    name: str
    victim: Victim
    recovered: Callable[[float], Awaitable[float | None]]
    """Given when it was healed: when it served again; None: not in time."""


class Faults:
    """Hurts one stage."""

    def __init__(self, stage: Stage, watch: Watch, journal: Journal) -> None:
        self._stage = stage
        self._watch = watch
        self._journal = journal

    async def carry_out(self, faults: tuple[Fault, ...], until_time: float) -> None:
        """One after the other, as far as the time goes: none begins that would not end before it."""
        for fault in faults:
            if time.monotonic() + fault.pause + fault.lasts > until_time:
                return
            await asyncio.sleep(fault.pause)
            self._journal.add(await self._one(fault))

    async def _one(self, fault: Fault) -> Hurt:
        number = await self._number(fault)
        target = self._target(fault.part, number)
        began = time.monotonic()
        if fault.kind in (Kind.KILL, Kind.FREEZE, Kind.RESTART):
            await _hurt_process(target.victim, fault)
        else:
            async with self._weather(fault, number):
                await asyncio.sleep(fault.lasts)
        healed = time.monotonic()
        recovered = await target.recovered(healed)
        log.info("fault", label=fault.label, target=target.name, recovery_s=recovered and round(recovered - healed, 2))
        return Hurt(
            label=fault.label,
            part=fault.part,
            kind=fault.kind,
            target=target.name,
            began=began,
            healed=healed,
            recovered=recovered,
        )

    # who ----------------------------------------------------------------------------------------------------------

    async def _number(self, fault: Fault) -> int:
        """Which of them; the leader is whichever it is now."""
        if fault.part is not Part.LEADER:
            return fault.which
        leader = await asyncio.to_thread(self._stage.cluster.stream_leader, "KV_omega_registry")
        return fault.which if leader is None else self._stage.cluster.nodes.index(leader)

    def _target(self, part: Part, number: int) -> Target:
        stage = self._stage
        if part is Part.MEMBER:
            key = sorted(stage.members)[number]
            return Target(key, stage.members[key], lambda healed: self._active_again(key, healed))
        if part is Part.DIRECTORY:
            return Target(stage.directories[number].name, stage.directories[number], self._well_again)
        if part is Part.GATEWAY:
            process = stage.gateways[number].process
            return Target(process.name, process, self._well_again)
        node = stage.cluster.nodes[number]
        return Target(node.plan.name, node, self._well_again)

    async def _well_again(self, _: float) -> float | None:
        return await self._stage.well_within(RECOVERS_WITHIN_S)

    async def _active_again(self, key: str, healed: float) -> float | None:
        """When the registry says so; at once where it never said otherwise. The watch may have missed it."""

        async def active() -> bool:
            return self._watch.status(key) == "active" or await self._stage.status(key) == "active"

        seen = await until(active, RECOVERS_WITHIN_S)
        if seen is not None and self._watch.status(key) == "active":
            return max(healed, self._watch.since(key))
        return seen

    # the network --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _weather(self, fault: Fault, number: int) -> AsyncIterator[None]:
        network = self._stage.network
        proxy = network.clients[number]
        if fault.kind is Kind.CUT:
            proxy.cut()
        elif fault.kind is Kind.SLOW:
            proxy.delay(fault.amount)
        elif fault.kind is Kind.HALF_OPEN:
            proxy.swallow()
        elif fault.kind is Kind.APART:
            network.part(number)
        elif fault.kind is Kind.SLOW_ROUTES:
            for route in network.routes_of(number):
                route.delay(fault.amount)
        try:
            yield
        finally:
            proxy.heal()
            if fault.kind is Kind.HALF_OPEN:
                proxy.cut()
            if fault.kind is Kind.APART:
                network.join(number)
            for route in network.routes_of(number):
                route.heal()


async def _hurt_process(victim: Victim, fault: Fault) -> None:
    """Whatever ends this, the process is not left frozen, nor dead."""
    if fault.kind is Kind.FREEZE:
        victim.pause()
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            victim.resume()
        return
    await asyncio.to_thread(victim.kill if fault.kind is Kind.KILL else victim.stop)
    await asyncio.sleep(fault.lasts)
    victim.start()
