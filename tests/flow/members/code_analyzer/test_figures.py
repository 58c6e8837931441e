"""The figures of a real source tree are those of pygount and lizard run by hand."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from members.code_analyzer.report import DATA_LANGUAGES, complexity_score, percentages
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, commit_all

TOOLS = Path(sys.executable).parent


def pygount_by_hand(folder: Path) -> list[dict[str, object]]:
    command = [TOOLS / "pygount", "--format=json", "--merge-embedded-languages", "--encoding=utf-8", str(folder)]
    files: list[dict[str, object]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[
        "files"
    ]
    return [each for each in files if each["state"] == "analyzed"]


def lizard_by_hand(folder: Path) -> list[tuple[int, int]]:
    """Lines of code and complexity of each function."""
    out = subprocess.run([TOOLS / "lizard", "--csv", str(folder)], capture_output=True, check=False, text=True).stdout
    return [(int(row[0]), int(row[1])) for row in csv.reader(out.splitlines())]


@pytest.mark.timeout(180)
async def test_a_sizeable_package_measures_as_the_tools_measure_it_by_hand(served: GitServer, analyst: Analyst) -> None:
    tree = served.root / "package"
    shutil.copytree(Path(aiohttp.__file__).parent, tree, ignore=shutil.ignore_patterns("__pycache__", "*.so", ".*"))
    files = sum(1 for each in tree.rglob("*") if each.is_file())
    lines, functions = pygount_by_hand(tree), lizard_by_hand(tree)
    commit_all(tree)

    analysis = await analyst.analyze(served.url("package"))

    code: Counter[str] = Counter()
    for each in lines:
        code[str(each["language"]).lower()] += int(str(each["codeCount"]))
    source = {name: count for name, count in code.items() if name not in DATA_LANGUAGES and count}
    assert sum(source.values()) > 10_000, "sizeable"
    assert analysis["total_files"] == files
    assert analysis["lines_of_code"] == {name: count for name, count in code.items() if count} | {
        name: 0 for name, count in analysis["lines_of_code"].items() if not count
    }
    assert analysis["total_lines"] == sum(int(str(each["lineCount"])) for each in lines)
    assert analysis["languages"] == percentages(source)
    assert analysis["functions"] == len(functions)
    weighted = sum(nloc * complexity for nloc, complexity in functions)
    assert analysis["complexity_score"] == complexity_score(weighted, sum(nloc for nloc, _ in functions))
