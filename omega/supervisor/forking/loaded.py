"""Whether what a process loaded is still what is on the disk: it is not, after an upgrade."""

from __future__ import annotations

import os
import site
import ssl
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

COARSE_NS = 10_000_000
"""So much earlier than it was may a file system say that a file was changed."""

_Print = tuple[int, int, int] | None


class Loaded:
    """The files that were read before a moment, as they were then."""

    def __init__(self, files: Iterable[str], since_ns: int) -> None:
        """`since_ns`: when the reading began (Unix time). Of a file written later nobody knows which one was read."""
        seen = {file: _status(file) for file in files}
        self._prints = {file: _print(status) for file, status in seen.items()}
        self._torn = any(status.st_ctime_ns >= since_ns - COARSE_NS for status in seen.values() if status is not None)

    @classmethod
    def now(cls, since_ns: int) -> Loaded:
        """Of this process. One `stat` a module."""
        return cls(_files(), since_ns)

    def changed(self) -> bool:
        """Whether one of them is another file now, gone, or was written while it was read."""
        return self._torn or any(_print(_status(file)) != seen for file, seen in self._prints.items())


def _files() -> Iterator[str]:
    """The modules, where modules are installed, and the authorities that TLS trusts by default."""
    yield from (file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None)))
    for folder in site.getsitepackages():
        yield folder
        yield from map(str, Path(folder).glob("*.pth"))
    if (authorities := ssl.get_default_verify_paths().cafile) is not None:
        yield authorities


def _status(file: str) -> os.stat_result | None:
    try:
        return os.stat(file)  # noqa: PTH116 # a thousand of them at each fork
    except OSError:
        return None


def _print(status: os.stat_result | None) -> _Print:
    return (status.st_mtime_ns, status.st_size, status.st_ino) if status is not None else None
