"""Whether what a process loaded is still what is on the disk: it is not, after an upgrade."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

Print = tuple[int, int, int]


class Loaded:
    """The files of the modules loaded when it was made."""

    def __init__(self, files: Iterable[str]) -> None:
        self._prints = {file: _print(file) for file in files}

    @classmethod
    def now(cls) -> Loaded:
        """Of this process. One `stat` a module."""
        return cls(file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None)))

    def changed(self) -> bool:
        """Whether one of them is another file now, or gone."""
        return any(_print(file) != seen for file, seen in self._prints.items())


def _print(file: str) -> Print | None:
    try:
        status = os.stat(file)  # noqa: PTH116 # a thousand of them at each fork
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
