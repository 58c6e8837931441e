"""What a child process may use, and the command line that makes it so."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")
UNLIMITED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Enforced by the kernel on the child and on each process it starts."""

    memory_bytes: int
    """Address space. Not enforced on macOS, whose kernel ignores it."""

    file_bytes: int
    """The largest file it may write; beyond it the write fails."""

    cpu_s: int = UNLIMITED
    """Processor time of one process. Left open for warm workers, whose jobs are bounded by the clock instead."""

    open_files: int = 256


def restrained(argv: Sequence[str], limits: Limits) -> list[str]:
    """`argv`, begun under `limits` as a child of this process, and ended with it."""
    figures = (os.getpid(), limits.memory_bytes, limits.file_bytes, limits.cpu_s, limits.open_files)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, figures), *argv]
