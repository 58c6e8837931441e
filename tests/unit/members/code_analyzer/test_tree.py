"""What of a commit is worth measuring, and how it is shared out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.code_analyzer.settings import CodeAnalyzerSettings
from members.code_analyzer.tree import Entry, entry, select, shards
from members.sandbox.refusals import TooLarge

SETTINGS = CodeAnalyzerSettings(max_file_bytes=1024, max_source_bytes=4096)


def file(path: str, size: int = 10, *, oid: str = "", mode: str = "100644") -> Entry:
    return Entry(path, mode, oid or path, size)


def test_a_record_of_git_is_read() -> None:
    assert entry(b"100755 blob 0123abc      42\tsrc/a b\n.py") == Entry("src/a b\n.py", "100755", "0123abc", 42)
    assert entry(b"160000 commit 0123abc       -\tsub").size == 0
    assert entry(b"100644 blob 0123abc 1\t\xff.py").path == "\ufffd.py"


def test_links_and_submodules_are_not_files() -> None:
    chosen = select([file("a"), file("l", mode="120000"), file("s", mode="160000")], SETTINGS)
    assert chosen.files == 1
    assert [each.path for each in chosen.work] == ["a"]
    assert dict(chosen.skipped) == {"symlink": 1, "submodule": 1}


def test_empty_large_and_equal_files_are_counted_and_not_measured() -> None:
    chosen = select([file("b", oid="1"), file("a", oid="1"), file("c", 0), file("d", 1025)], SETTINGS)
    assert chosen.files == 4
    assert [each.path for each in chosen.work] == ["a"]
    assert dict(chosen.skipped) == {"duplicate": 1, "empty": 1, "too_large": 1}


def test_more_source_than_the_limit_is_refused_naming_it() -> None:
    with pytest.raises(TooLarge, match="4096 bytes"):
        select([file(str(n), 1000) for n in range(5)], SETTINGS)


@pytest.mark.parametrize(
    ("path", "hidden"),
    [(".github/a.yml", True), ("a/.env", True), ("a/__pycache__/b.py", True), ("a.py~", True), ("a/b.py", False)],
)
def test_what_tools_keep_for_themselves_is_hidden(path: str, hidden: bool) -> None:
    assert file(path).hidden is hidden


@given(st.lists(st.integers(0, 100_000), max_size=60), st.integers(1, 6))
def test_every_file_is_in_exactly_one_share_and_shares_are_even(sizes: list[int], count: int) -> None:
    work = [file(f"{number:03}", size) for number, size in enumerate(sizes)]
    parts = shards(work, count)
    assert sorted(each.path for part in parts for each in part) == [each.path for each in work]
    assert len(parts) <= count
    if len(parts) > 1:
        loads = sorted(sum(each.size for each in part) for part in parts)
        assert loads[-1] - loads[0] <= max(sizes)


def test_the_same_work_gives_the_same_shares() -> None:
    work = [file(str(n), n % 7) for n in range(50)]
    assert shards(work, 3) == shards(list(reversed(work)), 3)
