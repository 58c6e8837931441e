"""The worker's half of scan_repo: the weaknesses of a share. Runs in workers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from members.code_analyzer import python_lint
from members.code_analyzer.findings import FileVulnerability, ordered_in_files
from members.code_analyzer.metrics import safe_name
from members.code_analyzer.survey import File, go_through, keep_for_ruff, kept_for_ruff, path_of, share_of
from members.code_analyzer.weaknesses import in_file, in_python
from members.sandbox.worker import Report


def search(arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The job: a share in; its worst weaknesses, their whole number and the files that were skipped out."""
    share = share_of(arguments)
    found: list[FileVulnerability] = []
    skipped: Counter[str] = Counter()

    def examine(file: File, text: str) -> None:
        found.extend(in_file(file.path, text, Path(safe_name(file.path)).suffix, share.folder))
        if file.path.endswith((".py", ".pyi")):
            keep_for_ruff(file, text, share.folder)

    go_through(share, examine, lambda why: skipped.update([why]), report)
    folder, paths = kept_for_ruff(share)
    for each in python_lint.dangers_in(folder) if folder is not None else ():
        found.append(in_python(path_of(each, paths), each["code"], each["location"]["row"]))
    return {"found": ordered_in_files(found)[: share.max_issues], "total": len(found), "skipped": skipped}
