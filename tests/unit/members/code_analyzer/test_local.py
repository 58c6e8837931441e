"""Folders of this machine: only below allowed roots, and never through a link."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from members.code_analyzer import local
from members.sandbox.refusals import Failed, Forbidden, Invalid, TooLarge


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a project, beside a secret."""
    (tmp_path / "secret.py").write_text("top secret\n")
    project = tmp_path / "root" / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "a.py").write_text("x = 1\n")
    (project / ".git").mkdir()
    (project / ".git" / "config").write_text("[core]\n")
    return tmp_path / "root"


def test_without_a_root_no_folder_is_read() -> None:
    with pytest.raises(Forbidden, match="only https"):
        local.allowed("/etc", [])


@pytest.mark.parametrize("path", ["/etc", "/rootbeer/x", "/roo", "file:///etc"])
def test_a_folder_beside_the_roots_is_refused(path: str) -> None:
    with pytest.raises(Forbidden, match="allowed folders"):
        local.allowed(path, [Path("/root")])


@pytest.mark.parametrize("path", ["/root/../etc", "/root/a/../../etc", "file:///root/%2e%2e/etc", "/root/a\0"])
def test_a_way_back_up_is_refused(path: str) -> None:
    with pytest.raises(Invalid):
        local.allowed(path, [Path("/root")])


def test_a_folder_below_a_root_is_named_from_there() -> None:
    assert local.allowed("/a/b/c", [Path("/a"), Path("/a/b")]) == (Path("/a/b"), PurePosixPath("c"))
    assert local.allowed("file:///a/x%20y", [Path("/a")]) == (Path("/a"), PurePosixPath("x y"))


def test_files_are_listed_without_the_tools_own(root: Path) -> None:
    (entry,) = local.entries(root, PurePosixPath("project"), 10)
    assert (entry.path, entry.mode, entry.size) == ("src/a.py", "100644", 6)


def test_links_are_listed_as_links_and_not_entered(root: Path) -> None:
    (root / "project" / "out").symlink_to("..")
    (root / "project" / "secret.py").symlink_to("../../secret.py")
    found = {entry.path: entry.mode for entry in local.entries(root, PurePosixPath("project"), 10)}
    assert found == {"out": "120000", "secret.py": "120000", "src/a.py": "100644"}


@pytest.mark.parametrize("way", ["link", "link/project", "project/link/project"])
def test_a_link_on_the_way_leads_nowhere(root: Path, way: str) -> None:
    (root / "link").symlink_to(root.parent)
    (root / "project" / "link").symlink_to(root)
    with pytest.raises(Failed, match="no folder"):
        local.entries(root, PurePosixPath(way), 10)


def test_a_file_that_became_a_link_meanwhile_is_not_read(root: Path) -> None:
    file = root / "project" / "src" / "a.py"
    file.unlink()
    file.symlink_to(root.parent / "secret.py")
    assert list(local.contents(root, PurePosixPath("project"), ["src/a.py"], 100)) == [b""]


def test_a_folder_that_became_a_link_meanwhile_is_not_entered(root: Path) -> None:
    (root / "project" / "src").rename(root / "project" / "old")
    (root / "project" / "src").symlink_to(root.parent)
    assert list(local.contents(root, PurePosixPath("project"), ["src/secret.py"], 100)) == [b""]


def test_a_file_that_grew_is_read_to_the_limit(root: Path) -> None:
    assert list(local.contents(root, PurePosixPath("project"), ["src/a.py"], 3)) == [b"x ="]


def test_a_pipe_is_no_file_and_blocks_nobody(root: Path) -> None:
    os.mkfifo(root / "project" / "pipe.py")
    assert {e.mode for e in local.entries(root, PurePosixPath("project"), 10) if e.path == "pipe.py"} == {"special"}
    assert list(local.contents(root, PurePosixPath("project"), ["pipe.py"], 100)) == [b""]


def test_more_files_than_the_limit_are_refused(root: Path) -> None:
    for number in range(5):
        (root / "project" / f"{number}.py").touch()
    with pytest.raises(TooLarge, match="more than 3 files"):
        local.entries(root, PurePosixPath("project"), 3)


def test_a_name_that_is_no_text_is_listed_and_not_read(root: Path) -> None:
    (root / "project" / "src" / "a.py").rename(root / "project" / "src" / "\udcff.py")
    (entry,) = local.entries(root, PurePosixPath("project"), 10)
    assert (entry.path, entry.mode) == ("src/?.py", "special")
