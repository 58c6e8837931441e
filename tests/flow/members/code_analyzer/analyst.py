"""An analyst for tests: settings can be changed from call to call, progress is kept."""

from __future__ import annotations

from typing import Any

from members.code_analyzer.analysis import RepositoryAnalyst
from members.code_analyzer.clone import Resolver, system_resolver
from members.code_analyzer.report import Analysis
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.limits import Limits
from members.sandbox.pool import Pool


class Analyst:
    """Analyses repositories with the settings given, `more` changed for one call."""

    def __init__(self, settings: CodeAnalyzerSettings) -> None:
        self.settings = settings
        self.told: list[tuple[float, str]] = []
        limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=settings.max_clone_bytes)
        self._workers = Pool("members.code_analyzer.repository_jobs", size=settings.repository_workers, limits=limits)

    async def analyze(self, url: str, *, resolver: Resolver = system_resolver, **more: Any) -> Analysis:
        settings = self.settings.model_copy(update=more)
        return await RepositoryAnalyst(settings, self._workers, resolver).analyze(url, self._note)

    async def close(self) -> None:
        await self._workers.close()

    async def _note(self, per_cent: float, doing: str) -> None:
        self.told.append((per_cent, doing))
