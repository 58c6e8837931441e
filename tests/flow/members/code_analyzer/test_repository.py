"""A real repository, cloned over HTTP and measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from members.code_analyzer.address import Policy, parse
from members.code_analyzer.cache import InMemory
from members.code_analyzer.clone import reach
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.sandbox.refusals import Failed
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, commit_all, git, repository

COMPLEX = "def tangled(a, b, c, d, e, f):\n" + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(14))
PROJECT: dict[str, str | bytes] = {
    "src/app.py": COMPLEX + "\n\ndef simple():\n    return 1\n",
    "src/unused.py": "import os\nimport sys\n\nprint(sys.path)\n",
    "src/__init__.py": "from src.app import simple\n",
    "src/broken.py": "def f(:\n    pass\n",
    "src/keys.py": 'aws = "AKIA' + 'Z7XQ2WJ4K9M3B5TD"\n',
    "tests/test_keys.py": 'password = "correcthorse"\n',
    "web/page.js": "function add(a, b) {\n  return a + b;\n}\n" * 10,
    "data/big.json": '{"a": 1}\n' * 500,
    "LICENSE": "Anybody may use this.\n",
    "README.md": "# Title\n\nText.\n",
    "logo.bin": b"\0\1\2" * 100,
    "empty.txt": "",
    ".env": "password=correcthorse\n",
    "copy/page.js": "function add(a, b) {\n  return a + b;\n}\n" * 10,
}


async def test_a_repository_is_measured(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "project", PROJECT)
    analysis = await analyst.analyze(served.url("project"))

    assert analysis["total_files"] == len(PROJECT)
    assert analysis["languages"] == {"python": 66, "javascript": 34}
    assert sum(analysis["languages"].values()) == 100
    assert analysis["lines_of_code"]["json"] == 500
    assert analysis["functions"] >= 12
    assert 0 < analysis["complexity_score"] < 10
    assert analysis["files_not_measured"] == {
        "binary": 1,
        "duplicate": 1,
        "empty": 1,
        "hidden": 1,
        "unknown_language": 1,
    }


async def test_issues_have_their_type_file_and_line_worst_first(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "project", PROJECT)
    issues = (await analyst.analyze(served.url("project")))["issues"]

    assert [(each["severity"], each["type"], each["file"], each["line"]) for each in issues] == [
        ("high", "hardcoded_secret", ".env", 1),
        ("high", "hardcoded_secret", "src/keys.py", 1),
        ("medium", "code_smell", "src/app.py", 1),
        ("medium", "syntax_error", "src/broken.py", 1),
        ("low", "code_smell", "src/app.py", 1),
        ("low", "unused_import", "src/unused.py", 1),
        ("low", "hardcoded_secret", "tests/test_keys.py", 1),
    ]
    assert "complexity of 15" in issues[2]["message"]
    assert "correcthorse" not in str(issues)
    assert "Z7XQ2WJ4K9M3B5TD" not in str(issues)


async def test_progress_only_grows_and_says_what_is_done(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "project", {f"f{n}.py": f"x = {n}\n" for n in range(90)})
    await analyst.analyze(served.url("project"))
    per_cents = [per_cent for per_cent, _ in analyst.told]
    assert per_cents == sorted(per_cents)
    assert per_cents[0] == 0
    assert len(per_cents) > 6
    assert [words for _, words in analyst.told][:3] == ["cloning", "listing files", "measuring 90 files"]


async def test_the_same_repository_gives_the_same_answer(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "project", PROJECT)
    first = await analyst.analyze(served.url("project"))
    analyst.cache = InMemory(0)
    assert await analyst.analyze(served.url("project")) == first


async def test_a_repository_without_commits_says_so(served: GitServer, analyst: Analyst) -> None:
    (served.root / "new").mkdir()
    git(served.root / "new", "init", "-q", "-b", "main")
    with pytest.raises(Failed, match="no commit") as caught:
        await analyst.analyze(served.url("new"))
    assert caught.value.details["reason"] == "empty"


async def test_a_repository_without_code_has_no_percentages_to_divide(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "art", {"a.bin": b"\0" * 10, "empty.py": ""})
    analysis = await analyst.analyze(served.url("art"))
    assert (analysis["total_files"], analysis["languages"], analysis["total_lines"]) == (2, {}, 0)


async def test_issues_are_bounded_and_the_rest_is_counted(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "many", {f"f{n}.py": "import os\nimport re\n" for n in range(30)} | {"a.py": COMPLEX})
    files = {f"g{n}.py": f"import os\nx = {n}\n" for n in range(30)}
    repository(served.root / "many", files)
    analysis = await analyst.analyze(served.url("many"), max_issues=5)
    assert len(analysis["issues"]) == 5
    assert analysis["issues"][0]["severity"] == "medium"
    assert analysis["issues_omitted"] >= 25


async def test_names_of_files_are_only_names(served: GitServer, analyst: Analyst) -> None:
    names = ["--upload-pack=x.py", "a b.py", "line\nbreak.py", "quote'\".py", "$(touch x).py", "ünïcode.py", "-rf.py"]
    repository(served.root / "names", {name: f"import os\nx = {n}\n" for n, name in enumerate(names)})
    odd = served.root / "names" / "odd.py"
    odd.write_bytes(b"import os\n")
    Path(bytes(odd.parent).decode() + "/").joinpath("odd.py").rename(odd.parent / "bytes\udcff.py")
    commit_all(served.root / "names")
    analysis = await analyst.analyze(served.url("names"))
    assert analysis["total_files"] == len(names) + 1
    assert {each["file"] for each in analysis["issues"]} == {"LICENSE", *names, "bytes\ufffd.py"}


async def test_the_clone_holds_one_commit_and_no_work_tree(served: GitServer, tmp_path: Path) -> None:
    repository(served.root / "project", {"a.py": "x = 1\n"})
    repository(served.root / "project", {"a.py": "x = 2\n"})
    settings = CodeAnalyzerSettings(allowed_hosts=(served.host,))
    address = parse(served.url("project"), Policy(frozenset({served.host})))
    remote = await reach(address, settings)
    await remote.fetch(await remote.commit(""), tmp_path / "clone")
    assert git(tmp_path / "clone", "rev-list", "--count", "--all") == "1"
    assert git(tmp_path / "clone", "rev-parse", "--is-bare-repository") == "true"
    assert not (tmp_path / "clone" / "hooks").exists()


@pytest.mark.parametrize("ending", ["", "/", ".git"])
async def test_a_repository_is_found_by_its_usual_spellings(served: GitServer, analyst: Analyst, ending: str) -> None:
    repository(served.root / ("project.git" if ending == ".git" else "project"), {"a.py": "x = 1\n"})
    assert (await analyst.analyze(served.url("project") + ending))["languages"] == {"python": 100}
