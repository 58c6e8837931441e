"""One repository's files shared out among the workers, and their answers collected."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from members.code_analyzer.settings import CodeAnalyzerSettings, thresholds
from members.code_analyzer.sources import Place
from members.code_analyzer.tree import Entry, shards
from members.sandbox.pool import Pool
from members.sandbox.refusals import Refusal

Progress = Callable[[float, str], Awaitable[None]]
"""Told per cent done, never less than before, and what is being done."""

LISTED, MEASURED = 35.0, 95.0

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sharing:
    """The files of one repository, `work`, and a scratch folder with a place for each share."""

    settings: CodeAnalyzerSettings
    workers: Pool
    place: Place
    work: Sequence[Entry]
    folder: Path

    async def run(self, job: str, progress: Progress) -> list[Answer]:
        """The answers of all shares. Raises what the workers raise, alone and at once."""
        numbered = {each.path: number for number, each in enumerate(self.work)}
        parts = shards(self.work, self.settings.repository_workers)
        done = [0] * len(parts)

        async def one(index: int) -> Answer:
            async def told(files: int) -> None:
                done[index] = files
                share = sum(done) / len(self.work)
                await progress(LISTED + (MEASURED - LISTED) * share, f"{sum(done)} of {len(self.work)} files")

            files = [(numbered[each.path], each.path, each.oid, each.hidden) for each in parts[index]]
            arguments = self._arguments(self.folder / f"share-{index}", files)
            timeout = self.settings.analysis_timeout_s
            answer: Answer = await self.workers.run(job, arguments, timeout=timeout, on_progress=told)
            return answer

        return await all_or_refusal([one(index) for index in range(len(parts))])

    async def duplicates(self) -> Answer:
        """What stands twice among the files that `measure` went through."""
        folders = sorted(str(each) for each in self.folder.glob("share-*"))
        arguments = {"folders": folders, "max_blocks": self.settings.max_issues}
        found: Answer = await self.workers.run(
            "duplicates", arguments, timeout=self.settings.analysis_timeout_s, on_progress=None
        )
        return found

    def _arguments(self, folder: Path, files: Sequence[tuple[int, str, str, bool]]) -> dict[str, Any]:
        return {
            "repository": str(self.place.repository),
            "local": self.place.local,
            "folder": str(folder),
            "files": files,
            "thresholds": asdict(thresholds(self.settings)),
            "max_issues": self.settings.max_issues,
            "max_file_bytes": self.settings.max_file_bytes,
            "min_clone_tokens": self.settings.min_clone_tokens,
        }


async def all_or_refusal(running: Sequence[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """All results; or the first refusal, alone, the others cancelled."""
    refused: BaseExceptionGroup[Refusal] | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in running]
    except* Refusal as several:
        refused = several
    if refused is not None:
        raise refused.exceptions[0]
    return [task.result() for task in tasks]
