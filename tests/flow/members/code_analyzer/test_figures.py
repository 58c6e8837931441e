"""The figures of real source trees in five languages are those of pygount and lizard run by hand."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import aiohttp
import pytest

from members.code_analyzer.report import complexity_score
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, commit_all

TOOLS = Path(sys.executable).parent
ZOD = next(Path("~/.cache").expanduser().glob("omega-federation-tests/*/node_modules/zod/src/v4"), Path("/nowhere"))

TREES = {
    "python": (Path(aiohttp.__file__).parent, "*.py", 8),
    "javascript": (Path("/usr/lib/node_modules/npm/node_modules"), "*.js", 40),
    "typescript": (ZOD, "*.ts", 12),
    "c": (Path("/usr/include/linux"), "*.h", 50),
    "c++": (Path("/usr/include/c++"), "*.hpp", 40),
    "php": (Path("/usr/lib/google-cloud-sdk/platform/google_appengine/php/sdk/google"), "*.php", 20),
}
"""Sources that are on many machines; a language whose sources are not there is left out."""


def pygount_by_hand(folder: Path) -> list[dict[str, object]]:
    command = [str(TOOLS / "pygount"), "--format=json", "--merge-embedded-languages", "--encoding=utf-8", str(folder)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [each for each in told["files"] if each["state"] == "analyzed"]


def lizard_by_hand(folder: Path) -> list[tuple[int, int]]:
    """Lines of code and complexity of each function."""
    out = subprocess.run(
        [str(TOOLS / "lizard"), "--csv", str(folder)], capture_output=True, check=False, text=True
    ).stdout
    return [(int(row[0]), int(row[1])) for row in csv.reader(out.splitlines())]


def copied(source: Path, pattern: str, amount: int, folder: Path) -> int:
    """Put the first files of a tree under git; how many."""
    sound = (each for each in sorted(source.rglob(pattern)) if 0 < each.stat().st_size < 100_000)
    files = list(islice((each for each in sound if not any(p.startswith(".") for p in each.parts[-3:])), amount))
    for each in files:
        place = folder / each.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each, place)
    return len(files)


def near(ours: float, theirs: float) -> bool:
    return abs(ours - theirs) <= 0.01 * theirs


@pytest.mark.timeout(180)
@pytest.mark.parametrize("language", TREES)
async def test_a_real_tree_measures_as_the_tools_measure_it_by_hand(
    served: GitServer, analyst: Analyst, language: str
) -> None:
    tree = served.root / "tree"
    files = copied(*TREES[language], tree)
    if not files:
        pytest.skip("no such sources on this machine")
    lines, functions = pygount_by_hand(tree), lizard_by_hand(tree)
    commit_all(tree)

    analysis = await analyst.analyze(served.url("tree"))

    code: Counter[str] = Counter()
    for each in lines:
        code[str(each["language"]).lower()] += int(str(each["codeCount"]))
    assert analysis["total_files"] == files
    assert near(analysis["code_lines"], code.total())
    assert max(analysis["lines_of_code"], key=analysis["lines_of_code"].__getitem__) == code.most_common(1)[0][0]
    assert near(analysis["total_lines"], sum(int(str(each["lineCount"])) for each in lines))
    assert near(analysis["functions"], len(functions))
    weighted = sum(nloc * complexity for nloc, complexity in functions)
    score = complexity_score(weighted, sum(nloc for nloc, _ in functions))
    assert abs(analysis["complexity_score"] - score) <= 0.1
    assert analysis["worst_functions"][0]["complexity"] == max(complexity for _, complexity in functions)
