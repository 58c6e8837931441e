"""Repositories made to hurt: nothing in them is followed, run or unpacked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from members.sandbox.refusals import Failed, TooLarge
from tests.flow.members.code_analyzer.analyst import Analyst
from tests.flow.members.code_analyzer.git_server import GitServer, commit_all, git, repository


async def test_a_link_out_of_the_repository_is_not_followed(served: GitServer, analyst: Analyst) -> None:
    place = repository(served.root / "links", {"a.py": "x = 1\n"})
    (place / "passwd.py").symlink_to("/etc/passwd")
    (place / "up.py").symlink_to("../../../outside.py")
    (place / "loop").symlink_to(".")
    commit_all(place)
    analysis = await analyst.analyze(served.url("links"))
    assert analysis["total_files"] == 1
    assert analysis["files_not_measured"] == {"symlink": 3}
    assert "root:" not in str(analysis)


async def test_a_submodule_is_not_fetched(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "inner", {"secret.py": "x = 1\n"})
    place = repository(served.root / "outer", {"a.py": "x = 1\n"})
    (place / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = s\n\turl = {served.url("inner")}\n')
    commit = git(served.root / "inner", "rev-parse", "HEAD")
    git(place, "update-index", "--add", "--cacheinfo", f"160000,{commit},s")
    git(place, "add", ".gitmodules")
    git(place, "commit", "-q", "-m", "submodule")
    analysis = await analyst.analyze(served.url("outer"))
    assert analysis["files_not_measured"]["submodule"] == 1
    assert not any("/inner" in path for path in served.asked)


async def test_attributes_hooks_and_configuration_in_the_tree_are_only_text(
    served: GitServer, analyst: Analyst, tmp_path: Path
) -> None:
    witness = tmp_path / "ran"
    run = f"#!/bin/sh\ntouch {witness}\n"
    files = {
        ".gitattributes": "*.py filter=evil diff=evil merge=evil text eol=crlf ident export-subst\n",
        ".gitconfig": f'[filter "evil"]\n\tsmudge = touch {witness}\n\trequired = true\n',
        ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1/\n",
        "hooks/post-checkout": run,
        ".githooks/post-checkout": run,
        "conftest.py": f"open({str(witness)!r}, 'w')\n",
        "setup.py": f"open({str(witness)!r}, 'w')\n",
        "sitecustomize.py": f"open({str(witness)!r}, 'w')\n",
        "ruff.toml": 'select = ["ALL"]\n',
        "pyproject.toml": '[tool.bandit]\nskips = ["B105"]\n[tool.ruff]\nexclude = ["*"]\n',
        "a.py": "import os\nx = '$Id$'\n",
    }
    place = repository(served.root / "config", files)
    hook = place / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(run)
    hook.chmod(0o755)
    analysis = await analyst.analyze(served.url("config"))
    assert not witness.exists()
    assert [each["file"] for each in analysis["issues"] if each["type"] == "unused_import"] == ["a.py"]


async def test_a_file_that_unpacks_to_much_more_is_counted_and_not_unpacked(
    served: GitServer, analyst: Analyst
) -> None:
    place = repository(served.root / "bomb", {"a.py": "x = 1\n"})
    with (place / "zeros.py").open("wb") as zeros:
        zeros.truncate(1 << 27)
    commit_all(place)
    begun = time.monotonic()
    analysis = await analyst.analyze(served.url("bomb"))
    assert analysis["files_not_measured"] == {"too_large": 1}
    assert analysis["total_files"] == 2
    assert time.monotonic() - begun < 30


async def test_a_tree_of_ten_billion_files_is_refused_at_once(served: GitServer, analyst: Analyst) -> None:
    place = repository(served.root / "forest", {"a.py": "x = 1\n"})
    blob = git(place, "hash-object", "-w", "a.py")
    tree = git(place, "mktree", stdin="".join(f"100644 blob {blob}\tf{n}\n" for n in range(10)).encode())
    for _ in range(9):
        tree = git(place, "mktree", stdin="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)).encode())
    commit = git(place, "commit-tree", tree, "-m", "forest")
    git(place, "update-ref", "HEAD", commit)
    begun = time.monotonic()
    with pytest.raises(TooLarge, match="more than 20000 files"):
        await analyst.analyze(served.url("forest"))
    assert time.monotonic() - begun < 20


async def test_more_files_than_allowed_are_refused(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "many", {f"{n}.txt": f"{n}\n" for n in range(11)})
    with pytest.raises(TooLarge, match="more than 10 files"):
        await analyst.analyze(served.url("many"), max_files=10)


async def test_more_source_than_can_be_measured_is_refused(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "long", {f"{n}.py": f"x = {n}\n" * 500 for n in range(4)})
    with pytest.raises(TooLarge, match="10240 bytes"):
        await analyst.analyze(served.url("long"), max_source_bytes=10240)


async def test_a_measurement_beyond_its_time_is_stopped(served: GitServer, analyst: Analyst) -> None:
    repository(served.root / "slow", {f"{n}.py": f"def f{n}(a):\n    return [a, {n}]\n" * 5000 for n in range(8)})
    with pytest.raises(Failed, match="limit of 1 s") as caught:
        await analyst.analyze(served.url("slow"), analysis_timeout_s=1)
    assert caught.value.details["reason"] == "time_limit"


async def test_nesting_that_breaks_parsers_spoils_one_file_and_not_the_analysis(
    served: GitServer, analyst: Analyst
) -> None:
    deep = "x = " + "(" * 6_000 + ")" * 6_000 + "\n"
    files = {"deep.py": deep, "deep.js": deep, "deep.json": "[" * 50_000, "deep.c": "{" * 50_000, "a.py": "x = 1\n"}
    repository(served.root / "deep", files)
    analysis = await analyst.analyze(served.url("deep"))
    assert analysis["total_files"] == 5
    assert analysis["languages"]["python"] > 0


async def test_a_damaged_repository_is_refused(served: GitServer, analyst: Analyst) -> None:
    place = repository(served.root / "bad", {"a.py": "x = 1\n"})
    entry = b"100644 .git\0" + bytes.fromhex(git(place, "rev-parse", "HEAD:a.py"))
    tree = git(place, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=entry)
    git(place, "update-ref", "HEAD", git(place, "commit-tree", tree, "-m", "bad"))
    with pytest.raises(Failed) as caught:
        await analyst.analyze(served.url("bad"))
    assert caught.value.details["reason"] == "broken_repository"
