"""An analyst for tests: settings can be changed from call to call, progress is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from members.code_analyzer.analysis import RepositoryAnalyst
from members.code_analyzer.cache import InMemory
from members.code_analyzer.clone import Resolver, system_resolver
from members.code_analyzer.report import Analysis
from members.code_analyzer.repository_scan import RepositoryScan
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.limits import Limits
from members.sandbox.pool import Pool


class Analyst:
    """Analyses repositories with the settings given, `more` changed for one call."""

    def __init__(self, settings: CodeAnalyzerSettings) -> None:
        self.settings = settings
        self.told: list[tuple[float, str]] = []
        limits = Limits(memory_bytes=settings.worker_memory_bytes, file_bytes=settings.max_clone_bytes)
        self.cache = InMemory(settings.cache_bytes)
        self._workers = Pool("members.code_analyzer.repository_jobs", size=settings.repository_workers, limits=limits)

    async def analyze(
        self, url: str, *, ref: str = "", history: bool = False, resolver: Resolver = system_resolver, **more: Any
    ) -> Analysis:
        return await self._analyst(more, resolver).analyze(url, self._note, ref=ref, history=history)

    async def scan(self, url: str, *, ref: str = "", **more: Any) -> RepositoryScan:
        return await self._analyst(more, system_resolver).scan(url, self._note, ref=ref)

    def _analyst(self, more: Mapping[str, Any], resolver: Resolver) -> RepositoryAnalyst:
        return RepositoryAnalyst(self.settings.model_copy(update=dict(more)), self._workers, self.cache, resolver)

    async def close(self) -> None:
        await self._workers.close()

    async def _note(self, per_cent: float, doing: str) -> None:
        self.told.append((per_cent, doing))
