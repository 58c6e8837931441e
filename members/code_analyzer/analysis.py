"""analyze_repo from end to end: address → clone → tree → shards → report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from members.code_analyzer.address import parse
from members.code_analyzer.clone import Resolver, clone, system_resolver
from members.code_analyzer.report import Analysis, Tally, report, total
from members.code_analyzer.settings import CodeAnalyzerSettings, policy, thresholds
from members.code_analyzer.tree import Entry, selection, shards
from members.sandbox.pool import Pool
from members.sandbox.refusals import Refusal
from members.sandbox.scratch import scratch

Progress = Callable[[float, str], Awaitable[None]]
"""Told per cent done, never less than before, and what is being done."""

CLONED, LISTED, MEASURED = 30.0, 35.0, 98.0


@dataclass(frozen=True, slots=True)
class RepositoryAnalyst:
    """Analyses one repository per call; calls share the workers. Nothing of a repository is left afterwards."""

    settings: CodeAnalyzerSettings
    workers: Pool
    resolver: Resolver = system_resolver

    async def analyze(self, repo_url: str, progress: Progress) -> Analysis:
        """Raises the refusals of `address.parse`, `clone.clone`, `tree.selection` and the workers."""
        address = parse(repo_url, policy(self.settings))
        async with scratch(self.settings.scratch_dir) as folder:
            await progress(0, "cloning")
            await clone(address, folder / "repository", self.settings, resolver=self.resolver)
            await progress(CLONED, "listing files")
            chosen = await selection(folder / "repository", self.settings)
            await progress(LISTED, f"measuring {len(chosen.work)} files")
            tallies = await self._surveys(folder, chosen.work, progress)
            whole = total([Tally(skipped=chosen.skipped), *tallies])
            return report(whole, files=chosen.files, max_issues=self.settings.max_issues)

    async def _surveys(self, folder: Path, work: Sequence[Entry], progress: Progress) -> list[Tally]:
        parts = shards(work, self.settings.repository_workers)
        done = [0] * len(parts)

        async def survey(index: int) -> Tally:
            async def told(files: int) -> None:
                done[index] = files
                share = sum(done) / len(work)
                await progress(LISTED + (MEASURED - LISTED) * share, f"{sum(done)} of {len(work)} files")

            arguments = self._arguments(folder, index, parts[index])
            timeout = self.settings.analysis_timeout_s
            return Tally.from_data(await self.workers.run("survey", arguments, timeout=timeout, on_progress=told))

        return await all_or_refusal([survey(index) for index in range(len(parts))])

    def _arguments(self, folder: Path, index: int, part: Sequence[Entry]) -> dict[str, Any]:
        return {
            "repository": str(folder / "repository"),
            "folder": str(folder / f"share-{index}"),
            "files": [(each.path, each.oid, each.hidden) for each in part],
            "thresholds": asdict(thresholds(self.settings)),
            "max_issues": self.settings.max_issues,
        }


async def all_or_refusal(surveys: Sequence[Coroutine[Any, Any, Tally]]) -> list[Tally]:
    """All results; or the first refusal, alone, the others cancelled."""
    refused: BaseExceptionGroup[Refusal] | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in surveys]
    except* Refusal as group:
        refused = group
    if refused is not None:
        raise refused.exceptions[0]
    return [task.result() for task in running]
