"""Code that stands twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from members.code_analyzer.clones import Fingerprints, duplicates
from members.code_analyzer.linecount import count

BLOCK = "".join(
    f"{name} = {left}({middle}, {right} + {number})\n"
    for number, (name, left, middle, right) in enumerate(
        (f"name{n}", f"call{n % 7}", f"first{n % 5}", f"second{n % 11}") for n in range(14)
    )
)


def found(tmp_path: Path, *texts: str, shares: int = 1, language: str = "python") -> dict[str, Any]:
    """Blocks among texts, shared out among workers."""
    folders = []
    for share in range(shares):
        prints = Fingerprints(60)
        for number, text in enumerate(texts):
            if number % shares == share:
                lines = count("a.py", text)
                assert lines is not None
                prints.add(number, language, lines.marked, 1)
        folder = tmp_path / str(share)
        folder.mkdir()
        prints.write(folder)
        folders.append(str(folder))
    return duplicates({"folders": folders, "max_blocks": 50}, lambda step: None)


def test_a_block_that_stands_twice_is_told_with_both_places(tmp_path: Path) -> None:
    reply = found(tmp_path, "a = 1\n" + BLOCK, "b = 2\nc = 3\n" + BLOCK + "d = 4\n")
    assert reply == {"blocks": [(0, 2, 15, 1, 3, 16)], "found": 1, "lines": 14}


def test_layout_comments_and_texts_make_no_difference(tmp_path: Path) -> None:
    other = BLOCK.replace("\n", "  # why\n\n").replace(", ", " ,   ")
    assert found(tmp_path, BLOCK, other)["found"] == 1


def test_names_make_a_difference(tmp_path: Path) -> None:
    assert found(tmp_path, BLOCK, BLOCK.replace("second", "third"))["found"] == 0


def test_a_repetition_within_one_file_is_found(tmp_path: Path) -> None:
    reply = found(tmp_path, BLOCK + "x = 1\n" + BLOCK)
    assert [block[:1] + block[3:] for block in reply["blocks"]] == [(0, 0, 16, 29)]


def test_however_many_workers_share_the_files_the_answer_is_one(tmp_path: Path) -> None:
    texts = [f"a{n} = {n}\n" + BLOCK for n in range(5)]
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    assert found(tmp_path / "one", *texts) == found(tmp_path / "three", *texts, shares=3)


def test_each_further_copy_counts(tmp_path: Path) -> None:
    reply = found(tmp_path, BLOCK, BLOCK, BLOCK)
    assert (reply["found"], reply["lines"]) == (2, 28)


def test_tables_and_imports_are_no_copies(tmp_path: Path) -> None:
    table = "x = [\n" + "    0, 0, 0, 0, 1, 1, 1, 1,\n" * 60 + "]\n"
    imports = "".join(f"from package{n} import name{n}\n" for n in range(60))
    assert found(tmp_path, table + imports, imports + table)["found"] == 0


def test_short_repetitions_are_no_matter(tmp_path: Path) -> None:
    assert found(tmp_path, BLOCK[:200], BLOCK[:200])["found"] == 0


def test_time_grows_with_the_number_of_lines(tmp_path: Path) -> None:
    def taken(copies: int) -> float:
        place = tmp_path / str(copies)
        place.mkdir()
        begun = time.process_time()
        found(place, *[BLOCK.replace("name", f"name{n}_") for n in range(copies)])
        return time.process_time() - begun

    few = taken(200)
    assert taken(1600) < 8 * few * 3
