"""analyze_repo and scan_repo from end to end: address → commit → cache, or clone → tree → shares → report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from members.code_analyzer.address import parse
from members.code_analyzer.cache import Cache, key_of
from members.code_analyzer.clone import Resolver, reach, system_resolver
from members.code_analyzer.findings import Issue
from members.code_analyzer.history import churn, hotspots
from members.code_analyzer.licence import missing_licence
from members.code_analyzer.local import is_local
from members.code_analyzer.refs import checked_ref
from members.code_analyzer.report import WORST, Analysis, Tally, report, total
from members.code_analyzer.repository_scan import RepositoryScan, combined
from members.code_analyzer.settings import CodeAnalyzerSettings, policy, thresholds
from members.code_analyzer.sharing import LISTED, MEASURED, Answer, Progress, Sharing
from members.code_analyzer.sources import Commit, Folder, folder_of
from members.code_analyzer.tree import Entry, Selection
from members.sandbox.pool import Pool
from members.sandbox.scratch import scratch

CLONED = 30.0
LONG_CLONE = 50
"""Lines from which repeated code is more than a small matter."""

Work = Callable[[Sharing, Selection], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class RepositoryAnalyst:
    """Works on one repository per call; calls share the workers. Nothing of a repository is left afterwards but its
    figures in the cache.

    Both methods raise the refusals of `address.parse`, `refs`, `clone`, `local`, `tree.selection` and the workers."""

    settings: CodeAnalyzerSettings
    workers: Pool
    cache: Cache
    resolver: Resolver = system_resolver

    async def analyze(self, repo_url: str, progress: Progress, *, ref: str = "", history: bool = False) -> Analysis:
        """Measure a repository at a ref, or as its default branch stands."""
        source = await self._source(repo_url, progress, ref=ref, history=history)

        async def work(sharing: Sharing, chosen: Selection) -> Answer:
            whole = total(Tally.from_data(each) for each in await sharing.run("measure", progress))
            whole.skipped.update(chosen.skipped)
            twice = await sharing.duplicates()
            whole.tell(duplication(twice, chosen.work))
            whole.tell(missing_licence((each.path for each in chosen.work), named=whole.licensed))
            repeated = twice["found"], twice["lines"]
            found = report(whole, files=chosen.files, max_issues=self.settings.max_issues, repeated=repeated)
            if history and isinstance(source, Commit):
                await progress(MEASURED, "reading history")
                await self._add_history(found, whole, source, sharing.folder / "history")
            return dict(found)

        found: Analysis = await self._answer("analyze_repo", source, work, progress, history=history)  # type: ignore[assignment]  # as report wrote it, or the cache
        return found

    async def scan(self, repo_url: str, progress: Progress, *, ref: str = "") -> RepositoryScan:
        """Find the weaknesses of a repository at a ref, or as its default branch stands."""
        source = await self._source(repo_url, progress, ref=ref)

        async def work(sharing: Sharing, chosen: Selection) -> Answer:
            shares = await sharing.run("search", progress)
            limit = self.settings.max_issues
            return dict(combined(shares, chosen.skipped, files=chosen.files, limit=limit))

        found: RepositoryScan = await self._answer("scan_repo", source, work, progress)  # type: ignore[assignment]  # as combined wrote it, or the cache
        return found

    async def _source(self, repo_url: str, progress: Progress, *, ref: str, history: bool = False) -> Commit | Folder:
        checked_ref(ref)
        if is_local(repo_url):
            return folder_of(repo_url, ref, history=history, settings=self.settings)
        address = parse(repo_url, policy(self.settings))
        await progress(0, "cloning")
        remote = await reach(address, self.settings, self.resolver)
        return Commit(remote, await remote.commit(ref))

    async def _answer(
        self, tool: str, source: Commit | Folder, work: Work, progress: Progress, *, history: bool = False
    ) -> Answer:
        """From the cache; or from the work, which is then remembered. A folder may change and is not remembered."""
        if isinstance(source, Folder):
            return await self._worked(source, work, progress)
        key = self._key(tool, source, history=history)
        remembered: Answer | None = await self.cache.get(key)
        if remembered is not None:
            return {**remembered, "cached": True}
        found = {**await self._worked(source, work, progress), "commit": source.id}
        await self.cache.put(key, found)
        return found

    async def _worked(self, source: Commit | Folder, work: Work, progress: Progress) -> Answer:
        async with scratch(self.settings.scratch_dir) as folder:
            place = await source.ready(folder / "repository")
            await progress(CLONED, "listing files")
            chosen = await place.selection(self.settings)
            await progress(LISTED, f"measuring {len(chosen.work)} files")
            return await work(Sharing(self.settings, self.workers, place, chosen.work, folder), chosen)

    async def _add_history(self, found: Analysis, whole: Tally, source: Commit, folder: Path) -> None:
        await source.remote.fetch(source.id, folder, past=self.settings.history_depth)
        counted = await churn(folder, self.settings)
        found["hotspots"] = hotspots(counted, whole.complexity, WORST)
        found["commits_read"] = counted.commits

    def _key(self, tool: str, source: Commit, *, history: bool) -> str:
        settings = self.settings
        limits = ("max_issues", "max_files", "max_source_bytes", "max_file_bytes", "min_clone_tokens")
        options: dict[str, Any] = {name: getattr(settings, name) for name in limits}
        options |= asdict(thresholds(settings)) | {"history": settings.history_depth if history else 0}
        return key_of(tool, source.remote.address.url, source.id, options)


def duplication(twice: Answer, work: Sequence[Entry]) -> list[Issue]:
    """Blocks that stand twice, told at their second place."""
    return [
        {
            "type": "duplication",
            "severity": "medium" if last - first >= LONG_CLONE else "low",
            "file": work[file].path,
            "line": first,
            "message": f"Lines {first} to {last} repeat {work[origin].path}, line {begin}",
        }
        for origin, begin, _, file, first, last in twice["blocks"]
    ]
