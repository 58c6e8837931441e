"""Every planted problem is found where it is, as what it is, and nothing is told about clean files."""

from __future__ import annotations

import json

from tests.flow.members.code_analyzer import planted
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, repository

LANGUAGES = {"python", "javascript", "typescript", "go", "java", "c", "cpp", "rust", "ruby", "php"}


async def test_one_problem_of_each_kind_and_language_is_found_and_clean_files_give_none(
    served: GitServer, analyst: Analyst
) -> None:
    files, wrong = planted.repository()
    repository(served.root / "planted", files)
    analysis = await analyst.analyze(served.url("planted"))
    assert planted.missed(analysis["issues"], wrong) == []
    assert planted.unplanted(analysis["issues"], wrong) == []
    assert {each.language for each in wrong} - {"-"} == LANGUAGES
    assert "correcthorse" not in json.dumps(analysis)
    assert "precision 70/70 = 100.0%, recall 70/70 = 100.0%" in planted.table(analysis["issues"], wrong)


async def test_weaknesses_of_the_planted_files_are_found_by_scanning_too(served: GitServer, analyst: Analyst) -> None:
    files, wrong = planted.repository()
    repository(served.root / "planted", files)
    scan = await analyst.scan(served.url("planted"))
    told = {(each["file"], each["type"]) for each in scan["vulnerabilities"]}
    assert told >= {(each.file, each.type) for each in wrong if each.kind in ("secret", "danger")}
    assert all(each["cwe"] and each["confidence"] and each["recommendation"] for each in scan["vulnerabilities"])
    assert "correcthorse" not in json.dumps(scan)


def test_the_table_shows_what_is_missed_and_what_is_told_wrongly() -> None:
    _, wrong = planted.repository()
    table = planted.table(
        [{"type": "code_smell", "severity": "low", "file": "go/clean.go", "line": 1, "message": "x"}], wrong
    )
    assert "| go | missed |" in table
    assert table.splitlines()[5].endswith("| 1 |")
    assert "recall 0/70 = 0.0%" in table
