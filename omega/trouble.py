"""Something that went wrong and can be named in a line: what people are told, and what a script sees."""

from __future__ import annotations

from typing import Any, ClassVar

from omega.handshake import Exit


class Trouble(Exception):
    """Shown as one line each on stderr, without a traceback; ends the command with `code`."""

    default_code: ClassVar[Exit] = Exit.FAILED

    def __init__(self, *lines: str, code: Exit | None = None, body: dict[str, Any] | None = None) -> None:
        self.lines = lines
        self.code = self.default_code if code is None else code
        self.body = body or {"error": {"code": "failed", "message": "; ".join(lines), "retryable": False}}
        """The same for `--json`."""
        super().__init__("; ".join(lines))


class WrongUse(Trouble):
    """The command line is not right."""

    default_code = Exit.USAGE


class NotInstalled(Trouble):
    """Something that is needed is not installed."""

    default_code = Exit.NOT_INSTALLED


class CannotStart(Trouble):
    """Something is in the way of a start."""


class AlreadyRunning(CannotStart):
    """Another supervisor has this run directory."""
