"""What a new member and its files are called, from one word. Pure."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass

from omega.trouble import WrongUse

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 48
TAKEN = frozenset({"bus", "directory", "members", "gateway", "omega", "tests", "test", "mcp", "nats"})
"""Packages that a new one of the same name would hide."""


class BadName(WrongUse):
    """No member can be called so; the message says why."""


@dataclass(frozen=True, slots=True)
class Names:
    """One name in its four forms."""

    project: str
    """Of the folder and the distribution: `my-service`."""
    package: str
    """What Python imports, and the member's id: `my_service`."""
    title: str
    """For people: `My Service`."""


def names_for(word: str) -> Names:
    """The names that `word` stands for. Raises BadName."""
    if len(word) > LONGEST or not _NAME.fullmatch(word):
        raise BadName(
            f"{word[:80]!r} names no member: lower-case letters and digits, parted by - or _, "
            f"a letter first, at most {LONGEST} characters; an example: my-service"
        )
    package = word.replace("-", "_")
    if package in TAKEN or keyword.iskeyword(package) or package in sys.stdlib_module_names:
        raise BadName(f"{word!r} is taken: Python or this project already imports something of that name")
    return Names(word.replace("_", "-"), package, " ".join(part.capitalize() for part in package.split("_")))
