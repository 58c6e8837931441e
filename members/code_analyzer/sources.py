"""Where the files of a repository are read from: a commit of a server, or a folder that the operator allows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from members.code_analyzer import local
from members.code_analyzer.clone import Remote
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.code_analyzer.tree import Selection, select, selection
from members.sandbox.refusals import Invalid


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a server."""

    remote: Remote
    id: str

    async def ready(self, folder: Path) -> Place:
        """Fetch it into `folder`. Raises what `Remote.fetch` raises."""
        await self.remote.fetch(self.id, folder)
        return Place(folder, None)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder below an allowed root of this machine."""

    root: Path
    below: PurePosixPath

    async def ready(self, folder: Path) -> Place:
        """Nothing is copied."""
        return Place(self.root, str(self.below))


@dataclass(frozen=True, slots=True)
class Place:
    """What workers are told to read from: a bare repository, or a path below a root."""

    repository: Path
    local: str | None

    async def selection(self, settings: CodeAnalyzerSettings) -> Selection:
        """What is in there and worth measuring. Raises TooLarge, Failed."""
        if self.local is None:
            return await selection(self.repository, settings)
        below = PurePosixPath(self.local)
        return select(await asyncio.to_thread(local.entries, self.repository, below, settings.max_files), settings)


def folder_of(repo_url: str, ref: str, *, history: bool, settings: CodeAnalyzerSettings) -> Folder:
    """The folder a caller named. Raises Forbidden, or Invalid when a commit is asked of it."""
    root, below = local.allowed(repo_url, settings.local_roots)
    if ref or history:
        field = "ref" if ref else "history"
        raise Invalid(f"{field}: a local folder is read as it lies there, without its history", field=field)
    return Folder(root, below)
