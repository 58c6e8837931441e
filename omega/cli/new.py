"""`new`: a member of one's own, as a small finished project."""

from __future__ import annotations

from pathlib import Path

from omega.cli.output import show
from omega.cli.words import shown
from omega.starter import names_for, write_project


def new(name: str, /, *, to: Path | None = None) -> None:
    """Write a new member of your own: tools, tests, Dockerfile, README.

    Parameters
    ----------
    name
        What it is called, such as my-service.
    to
        The folder to write; unset: one of that name, here. It must be new or empty.
    """
    names = names_for(name)
    folder = to or Path(names.project)
    for path in write_project(names, folder):
        show(shown(f"  {folder / path}"))
    show(shown(f"\n  cd {folder}\n  omega member {names.package}.service:build"))
    show(shown(f"\nand, in another terminal: omega call {names.package} count text='to be or not to be'"))
