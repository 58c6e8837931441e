"""A git server, and an analyst that may talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from members.code_analyzer.settings import CodeAnalyzerSettings
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, serving


@pytest.fixture
def served(tmp_path: Path) -> Iterator[GitServer]:
    """A server of every repository below `served.root`."""
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:
        yield server


@pytest.fixture
async def analyst(served: GitServer, tmp_path: Path) -> AsyncIterator[Analyst]:
    """One that may talk to the server and leaves nothing behind."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    analyst = Analyst(CodeAnalyzerSettings(allowed_hosts=(served.host,), repository_workers=2, scratch_dir=scratch))
    yield analyst
    await analyst.close()
    assert list(scratch.iterdir()) == [], "every clone is removed"
