"""The output of one process on disk, in files of bounded size."""

from __future__ import annotations

from pathlib import Path

from omega.supervisor.logfile import LogFile


def test_it_appends_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"before\n")
    log = LogFile(path)
    log.write(b"after\n")
    log.close()
    assert path.read_bytes() == b"before\nafter\n"


def test_a_full_file_is_turned_and_the_oldest_part_dropped(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", max_bytes=10, kept=2)
    for letter in b"abcd":
        log.write(bytes([letter]) * 11 + b"\n")
    log.close()
    parts = {path.name: path.read_bytes()[:1] for path in tmp_path.iterdir()}
    assert parts == {"a.log.1": b"d", "a.log.2": b"c"}


def test_a_line_is_never_split_over_two_files(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", max_bytes=10, kept=2)
    log.write(b"the first half of a line")
    log.write(b" and the second\n")
    log.write(b"next\n")
    log.close()
    assert (tmp_path / "a.log.1").read_bytes() == b"the first half of a line and the second\n"
    assert (tmp_path / "a.log").read_bytes() == b"next\n"


def test_it_goes_on_after_it_was_closed(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    log.write(b"a\n")
    log.close()
    log.write(b"b\n")
    log.close()
    assert (tmp_path / "a.log").read_bytes() == b"a\nb\n"
