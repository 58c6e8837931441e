"""The files of a new project, written. The folder must be new or empty: nothing of yours is ever overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from omega.starter.naming import Names
from omega.trouble import Trouble

SUFFIX = ".txt"
"""What the files end with here, so that no tool takes them for sources of this project."""


class InTheWay(Trouble):
    """The folder holds something already, or cannot be written."""


def write_project(names: Names, folder: Path) -> list[Path]:
    """Write the project below `folder`; the paths written, relative to it, in order. Raises InTheWay."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InTheWay(f"{folder} is there already and not empty; give another --to, or another name")
    written = []
    try:
        for relative, text in project(names):
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            written.append(relative)
    except OSError as exc:
        raise InTheWay(f"{exc.filename}: {exc.strerror}") from exc
    return written


def project(names: Names) -> Iterator[tuple[Path, str]]:
    """Every file, with its path inside the project."""
    words = {"@project@": names.project, "@package@": names.package, "@title@": names.title}
    for path, text in sorted(_templates(files("omega.starter").joinpath("files"), Path()), key=lambda one: one[0]):
        named = Path(*(names.package if part == "package" else part for part in path.parts))
        for mark, word in words.items():
            text = text.replace(mark, word)  # noqa: PLW2901 - one mark after the other
        yield named, text


def _templates(folder: Traversable, below: Path) -> Iterator[tuple[Path, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, below / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield below / entry.name.removesuffix(SUFFIX), entry.read_text()
