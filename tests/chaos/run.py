"""One run from its schedule to its evidence: stage, watch, load and faults, then the end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.checker import Evidence
from tests.chaos.ending import all_well, blackout, members_back, read_end
from tests.chaos.faults import Faults
from tests.chaos.journal import Change, Ended, Hurt, Journal, Operation, Standstill, read_executions, read_lines
from tests.chaos.load import Loaded, loaded
from tests.chaos.plan import Plan
from tests.chaos.stage import Stage, staged
from tests.chaos.watch import watching
from tests.support.standstill import noting_standstills

CALM_S = 4.0
"""Of load before the first fault and after the last."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a run writes what it finds."""

    directory: Path

    @property
    def operations(self) -> Path:
        return self.directory / "operations.jsonl"

    @property
    def hurts(self) -> Path:
        return self.directory / "faults.jsonl"

    @property
    def changes(self) -> Path:
        return self.directory / "changes.jsonl"

    @property
    def standstills(self) -> Path:
        return self.directory / "standstills.jsonl"

    @property
    def ended(self) -> Path:
        return self.directory / "end.json"

    @property
    def executions(self) -> Path:
        return self.directory / "executions.txt"

    def evidence(self) -> Evidence:
        """What a finished run left here; it can be judged again at any time."""
        return Evidence(
            list(read_lines(self.operations, Operation)),
            list(read_lines(self.hurts, Hurt)),
            read_executions(self.executions),
            Ended.model_validate_json(self.ended.read_bytes()),
            list(read_lines(self.standstills, Standstill)),
        )

    def changed(self) -> list[Change]:
        return list(read_lines(self.changes, Change))


async def carry_out(plan: Plan, files: Files) -> int:
    """Run it; `files` hold the evidence afterwards. Returns how many operations were left out.

    Raises TimeoutError when the federation does not come up, or does not come back in the end.
    """
    async with staged(files.directory) as stage:
        with (
            Journal(files.operations) as operations,
            Journal(files.hurts) as hurts,
            Journal(files.changes) as changes,
            Journal(files.standstills) as standstills,
        ):
            async with (
                noting_standstills(lambda began, ended: standstills.add(Standstill(began=began, ended=ended))),
                watching(stage, changes) as watch,
                loaded(stage, operations, plan.seed) as load,
            ):
                await _under_faults(plan, load, Faults(stage, watch, hurts))
                await load.finish()
                ended = await _end(stage)
                files.ended.write_text(ended.model_dump_json())
                return load.load.left_out


async def _under_faults(plan: Plan, load: Loaded, faults: Faults) -> None:
    until = time.monotonic() + plan.seconds
    await asyncio.sleep(CALM_S)
    async with asyncio.TaskGroup() as group:
        group.create_task(faults.carry_out(plan.infrastructure, until))
        group.create_task(faults.carry_out(plan.members, until))
    load.look()
    await asyncio.sleep(max(CALM_S, until - time.monotonic()))
    load.look()


async def _end(stage: Stage) -> Ended:
    await all_well(stage)
    await members_back(stage)
    await blackout(stage)
    await members_back(stage)
    return await read_end(stage)
