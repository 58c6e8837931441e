"""Is everything installed that a service needs? Asked once, when it is built, so that the answer is a sentence."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib.util import find_spec


class MissingExtra(ImportError):
    """Something a service needs is not installed; the message says what to install."""


def require_modules(service: str, modules: Iterable[str], *, extra: str) -> None:
    """Return when every module can be found; nothing is imported. Raises MissingExtra naming the extra."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"{service} needs {', '.join(missing)}: install omega-federation[{extra}]")


def require_program(service: str, program: str) -> None:
    """Return when the program is on PATH. Raises MissingExtra naming it."""
    if shutil.which(program) is None:
        raise MissingExtra(f"{service} needs the program {program} on PATH: install it with the system's packages")
