"""`logs`: what the processes wrote."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from omega.cli.logline import read_line, rendered
from omega.cli.logtail import Follower, last_lines, merged
from omega.cli.options import Json
from omega.cli.output import note
from omega.cli.printable import printable
from omega.handshake import Exit
from omega.home import Home, home_from
from omega.trouble import WrongUse

LOOK_EVERY_S = 0.2


def logs(
    name: str | None = None,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="")] = False,
    lines: Annotated[int, Parameter(name=["--lines", "-n"])] = 50,
    json: Json = False,
) -> int:
    """Show what its processes wrote; -f follows.

    Parameters
    ----------
    name
        Only this process, by the name that `omega status` shows; supervisor for what `omega up -d` itself said.
    follow
        Go on with what they write from now on.
    lines
        Newest lines to begin with, of each process.
    json
        The lines as they were written, without process name and colour.
    """
    home = home_from(os.environ)
    if lines < 0:
        raise WrongUse("--lines: 0 or more")
    names = [name] if name else _names(home)
    if name and name not in _names(home):
        note(f"omega: no log of {name!r}; there are: {', '.join(_names(home)) or 'none'}")
        return Exit.NOT_FOUND
    show = _Shower(names, as_written=json)
    with ExitStack() as files:
        followers = [files.enter_context(closing(Follower(process, home.log(process)))) for process in names]
        for process, line in merged([(process, last_lines(home.log(process), lines)) for process in names]):
            show(process, line)
        while follow:
            for process, line in _new(followers):
                show(process, line)
            time.sleep(LOOK_EVERY_S)
    return Exit.OK


def _names(home: Home) -> list[str]:
    return sorted(path.name.removesuffix(".log") for path in home.logs.glob("*.log"))


def _new(followers: list[Follower]) -> Iterator[tuple[str, str]]:
    for follower in followers:
        for line in follower.new_lines():
            yield follower.process, line


class _Shower:
    """Prints lines, nicely or as they were written."""

    def __init__(self, names: list[str], *, as_written: bool) -> None:
        self._width = max((len(name) for name in names), default=0)
        self._as_written = as_written
        self._console = Console(highlight=False, soft_wrap=True)

    def __call__(self, process: str, line: str) -> None:
        if self._as_written:
            sys.stdout.write(printable(line) + "\n")
            sys.stdout.flush()
        else:
            self._console.print(rendered(read_line(process, line), width=self._width))
