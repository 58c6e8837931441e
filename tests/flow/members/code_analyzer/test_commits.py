"""Which commit is read, what is remembered of it, and what its history says."""

from __future__ import annotations

from pathlib import Path

import pytest

from members.sandbox.refusals import Failed, Invalid
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, commit_all, git, repository


@pytest.fixture
def project(served: GitServer) -> Path:
    """Two commits on main, the first tagged, and a branch beside."""
    folder = repository(served.root / "project", {"a.py": "x = 1\n"})
    git(folder, "tag", "-a", "v1", "-m", "first")
    git(folder, "branch", "beside")
    (folder / "b.py").write_text("y = 1\n")
    commit_all(folder)
    return folder


async def test_the_default_branch_is_read_and_its_commit_told(
    served: GitServer, analyst: Analyst, project: Path
) -> None:
    analysis = await analyst.analyze(served.url("project"))
    assert analysis["total_files"] == 2
    assert analysis["commit"] == git(project, "rev-parse", "HEAD")


@pytest.mark.parametrize("ref", ["beside", "v1", "refs/heads/beside", "COMMIT"])
async def test_a_branch_a_tag_or_a_commit_is_read(served: GitServer, analyst: Analyst, project: Path, ref: str) -> None:
    first = git(project, "rev-parse", "beside")
    analysis = await analyst.analyze(served.url("project"), ref=first if ref == "COMMIT" else ref)
    assert (analysis["total_files"], analysis["commit"]) == (1, first)


@pytest.mark.parametrize("ref", ["nothing", "abc1234", "0" * 40])
async def test_an_unknown_ref_is_told(served: GitServer, analyst: Analyst, project: Path, ref: str) -> None:
    with pytest.raises(Failed) as caught:
        await analyst.analyze(served.url("project"), ref=ref)
    assert caught.value.details["reason"] == "unknown_ref"


async def test_a_ref_that_is_an_option_reaches_no_server(served: GitServer, analyst: Analyst, project: Path) -> None:
    with pytest.raises(Invalid, match="ref"):
        await analyst.analyze(served.url("project"), ref="--upload-pack=touch x")
    assert served.asked == []


async def test_an_unchanged_commit_is_answered_without_a_clone(
    served: GitServer, analyst: Analyst, project: Path
) -> None:
    first = await analyst.analyze(served.url("project"))
    fetches = [path for path in served.asked if "upload-pack" in path]
    again = await analyst.analyze(served.url("project"))
    assert (first["cached"], again["cached"]) == (False, True)
    assert {**again, "cached": False} == first
    assert len(served.asked) - len(fetches) <= 2, "only the list of refs is asked for"


async def test_a_new_commit_is_measured_anew(served: GitServer, analyst: Analyst, project: Path) -> None:
    await analyst.analyze(served.url("project"))
    (project / "c.py").write_text("z = 1\n")
    commit_all(project)
    analysis = await analyst.analyze(served.url("project"))
    assert (analysis["cached"], analysis["total_files"]) == (False, 3)


async def test_other_limits_are_another_answer(served: GitServer, analyst: Analyst, project: Path) -> None:
    await analyst.analyze(served.url("project"))
    assert not (await analyst.analyze(served.url("project"), max_complexity=3))["cached"]
    assert not (await analyst.scan(served.url("project")))["cached"]
    assert (await analyst.scan(served.url("project")))["cached"]


async def test_what_the_server_no_longer_shows_is_not_answered_from_memory(
    served: GitServer, analyst: Analyst, project: Path
) -> None:
    commit = (await analyst.analyze(served.url("project")))["commit"]
    served.root = project / "elsewhere"
    with pytest.raises(Failed):
        await analyst.analyze(served.url("project"), ref=commit)


async def test_hotspots_are_complex_files_that_change_often(served: GitServer, analyst: Analyst, project: Path) -> None:
    for number in range(4):
        (project / "often.py").write_text(f"def f(a):\n    return a if a > {number} else {number}\n")
        commit_all(project)
    (project / "once.py").write_text("def f(a):\n    return a if a else 1\n")
    commit_all(project)
    analysis = await analyst.analyze(served.url("project"), history=True)
    assert analysis["hotspots"] == [
        {"file": "often.py", "commits": 4, "complexity": 2, "score": 8},
        {"file": "once.py", "commits": 1, "complexity": 2, "score": 2},
    ]
    assert analysis["commits_read"] == 7
    assert "hotspots" not in await analyst.analyze(served.url("project"))


async def test_history_is_cut_off_at_its_depth(served: GitServer, analyst: Analyst, project: Path) -> None:
    for number in range(6):
        (project / "often.py").write_text(f"def f(a):\n    return a + {number}\n")
        commit_all(project)
    analysis = await analyst.analyze(served.url("project"), history=True, history_depth=3)
    assert analysis["commits_read"] == 3
    assert analysis["hotspots"] == [{"file": "often.py", "commits": 2, "complexity": 1, "score": 2}]


async def test_a_folder_that_is_allowed_is_measured_as_it_lies_there(analyst: Analyst, tmp_path: Path) -> None:
    folder = tmp_path / "allowed" / "project"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("import os\nx = 1\n")
    (tmp_path / "secret.py").write_text("x = 1\n")
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    roots = (tmp_path / "allowed",)
    analysis = await analyst.analyze(str(folder), local_roots=roots)
    assert (analysis["total_files"], analysis["total_lines"]) == (1, 2)
    assert analysis["files_not_measured"] == {"symlink": 1}
    assert "unused_import" in analysis["issues_by_type"]
    assert "commit" not in analysis
    (folder / "b.py").write_text("y = 1\n")
    assert (await analyst.analyze(str(folder), local_roots=roots))["total_files"] == 2
    with pytest.raises(Invalid, match="local folder"):
        await analyst.analyze(str(folder), ref="main", local_roots=roots)
