"""A power cut, as near as one machine gets to it: a disk in a file, of which only what was synced survives.

The server keeps its store on a file system of its own inside an image file. What it writes stays in the kernel's cache
until it is synced; only then it reaches the image. In the moment of an acknowledgement the server is killed and the
image is copied as it is: that copy is the disk after the cut. It is mounted (its journal is replayed, as after a real
one), and the next server starts on it.

It needs a Linux on which we may mount (root): `why_not` says so where not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = 64 << 20
MOUNTED = "loop,noatime,commit=300"
"""Nothing is brought to the disk by the clock: the kernel would otherwise do it every five seconds."""
TOOLS = ("mkfs.ext4", "mount", "umount")


class Disk:
    """One disk with a file system, mounted at `path`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "mounted"
        self.path.mkdir(exist_ok=True)
        self._image = directory / "disk.img"
        self._survives = directory / "survives.img"
        with self._image.open("wb") as image:
            image.truncate(SIZE)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self._mount()

    def cut(self) -> None:
        """The power is gone: what was not synced is too. Nobody may use the disk any more; `restore` brings it back."""
        shutil.copyfile(self._image, self._survives)

    def restore(self) -> None:
        """Mount what survived."""
        self.remove()
        self._survives.replace(self._image)
        self._mount()

    def remove(self) -> None:
        """Unmount it."""
        _run("umount", str(self.path))

    def _mount(self) -> None:
        _run("mount", "-o", MOUNTED, str(self._image), str(self.path))


@contextmanager
def disk(directory: Path) -> Iterator[Disk]:
    """A disk for the length of the block."""
    made = Disk(directory)
    try:
        yield made
    finally:
        with suppress(subprocess.CalledProcessError):
            made.remove()


def why_not(directory: Path) -> str | None:
    """Why there can be no such disk here; None: there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "only root on Linux may mount a disk image"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        with disk(directory):
            return None
    except (OSError, subprocess.CalledProcessError) as exc:
        return f"a disk image cannot be mounted here: {exc}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)
