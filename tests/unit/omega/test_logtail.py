"""Reading log files from their end, and following them while they are turned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from omega.cli.logtail import BLOCK, Follower, last_lines, merged


@pytest.fixture
def follower(log: Path) -> Iterator[Follower]:
    """Made when the file held one old line."""
    log.write_text("old\n")
    with closing(Follower("gateway", log)) as follower:
        yield follower


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "gateway.log"


def test_the_last_lines_of_a_short_file(log: Path) -> None:
    log.write_text("a\nb\nc\n")
    assert last_lines(log, 2) == ["b", "c"]


def test_fewer_lines_than_asked_for(log: Path) -> None:
    log.write_text("a\nb\n")
    assert last_lines(log, 10) == ["a", "b"]


def test_lines_that_are_longer_than_a_block_are_whole(log: Path) -> None:
    log.write_text("short\n" + "x" * (2 * BLOCK) + "\n" + "y" * BLOCK + "\n")
    assert [len(line) for line in last_lines(log, 2)] == [2 * BLOCK, BLOCK]


@pytest.mark.parametrize("count", [0, 5])
def test_a_file_that_is_not_there_has_no_lines(log: Path, count: int) -> None:
    assert last_lines(log, count) == []


def test_several_logs_are_merged_by_time() -> None:
    def line(second: int) -> str:
        return f'{{"at":"2026-11-22T10:48:{second:02}Z","event":"e"}}'

    logs = [("a", [line(1), "a traceback line", line(5)]), ("b", [line(0), line(3)])]
    assert merged(logs) == [
        ("b", line(0)), ("a", line(1)), ("a", "a traceback line"), ("b", line(3)), ("a", line(5)),
    ]  # fmt: skip


def test_a_follower_begins_at_the_end(log: Path, follower: Follower) -> None:
    with log.open("a") as file:
        file.write("new\nhal")
    assert list(follower.new_lines()) == ["new"]
    with log.open("a") as file:
        file.write("f\n")
    assert list(follower.new_lines()) == ["half"]


def test_a_follower_loses_nothing_when_the_file_is_turned(log: Path, follower: Follower) -> None:
    with log.open("a") as file:
        file.write("last of the old\n")
    log.replace(log.with_name("gateway.log.1"))
    log.write_text("first of the new\n")
    assert list(follower.new_lines()) == ["last of the old", "first of the new"]


def test_a_follower_waits_for_a_file_that_is_not_there_yet(log: Path) -> None:
    with closing(Follower("gateway", log)) as follower:
        assert list(follower.new_lines()) == []
        log.write_text("hello\n")
        assert list(follower.new_lines()) == ["hello"]
