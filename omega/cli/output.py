"""Where output goes: what was asked for to stdout, everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from rich.console import Console, RenderableType

_UNSAFE = re.compile(r"[\x7f-\x9f]")


def show(renderable: RenderableType) -> None:
    """Print for people, in colour where stdout is a terminal; a pipe gets whole lines, not ones cut to 80 columns."""
    _console().print(renderable)


def note(text: str) -> None:
    """A remark beside the output, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show_json(value: Any) -> None:
    """Print `value` as JSON over several lines, in colour where stdout is a terminal."""
    text = as_json(value, indent=2)
    if sys.stdout.isatty():
        _console().print_json(text, ensure_ascii=False)
    else:
        sys.stdout.write(text + "\n")


def show_json_line(value: Any) -> None:
    """Print `value` as one line of JSON, at once."""
    sys.stdout.write(as_json(value) + "\n")
    sys.stdout.flush()


def as_json(value: Any, *, indent: int | None = None) -> str:
    """`value` as JSON, without characters that could steer a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)
