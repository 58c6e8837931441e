"""Prints the table of what is found in the planted repository, as Markdown.

`python -m tests.flow.members.code_analyzer.planted_report`
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from members.code_analyzer.settings import CodeAnalyzerSettings
from tests.flow.members.code_analyzer import planted
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import repository, serving


async def found_in_planted(folder: Path) -> str:
    """The table, from a repository that is really served, cloned and measured."""
    files, wrong = planted.repository()
    repository(folder / "planted", files)
    with serving(folder) as server:
        analyst = Analyst(CodeAnalyzerSettings(allowed_hosts=(server.host,), repository_workers=2))
        try:
            analysis = await analyst.analyze(server.url("planted"))
        finally:
            await analyst.close()
    return planted.table(analysis["issues"], wrong)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(asyncio.run(found_in_planted(Path(folder))) + "\n")


if __name__ == "__main__":
    main()
