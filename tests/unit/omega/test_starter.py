"""What a new project is called, and what is written of it."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from bus.names import is_id
from omega.starter import BadName, InTheWay, Names, names_for, write_project
from omega.starter.writing import project

TAKEN_WORDS = ("class", "json", "omega", "bus")
NAMES = Names("my-service", "my_service", "My Service")


@pytest.mark.parametrize("word", ["my-service", "my_service"])
def test_one_word_gives_every_name(word: str) -> None:
    assert names_for(word) == NAMES


@pytest.mark.parametrize("word", ["a", "a1", "weather-2-go", "x" * 48])
def test_whatever_is_taken_is_a_member_id_and_a_package(word: str) -> None:
    names = names_for(word)
    assert is_id(names.package)
    assert names.package.isidentifier()


@pytest.mark.parametrize(
    "word",
    [
        "",
        "1st",
        "My-Service",
        "a b",
        "../up",
        "a.b",
        "-a",
        "a-",
        "a--b",
        "ä",
        "x" * 49,
        "class",
        "json",
        "omega",
        "bus",
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_rule(word: str) -> None:
    with pytest.raises(BadName, match=r"names no member|is taken"):
        names_for(word)


def test_no_mark_of_the_templates_is_left_in_a_project() -> None:
    for path, text in project(NAMES):
        assert not {"@project@", "@package@", "@title@"} & set(text.split()), path
        assert "@" not in text.replace("@member.tool", ""), path


def test_a_project_is_sound_python_and_toml() -> None:
    written = dict(project(NAMES))
    for path, text in written.items():
        if path.suffix == ".py":
            ast.parse(text)
    assert tomllib.loads(written[Path("pyproject.toml")])["project"]["name"] == "my-service"
    assert Path("my_service/service.py") in written


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    paths = write_project(NAMES, tmp_path)
    assert all((tmp_path / path).is_file() for path in paths)


def test_nothing_of_yours_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")
    with pytest.raises(InTheWay, match="not empty"):
        write_project(NAMES, tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InTheWay, match="file"):
        write_project(NAMES, tmp_path / "file" / "below")
