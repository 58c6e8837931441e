"""What a member's tools, prompts and resources are called in the federation.

A tool is `<member>__<tool>` wherever that is a name MCP clients take and can be read back in one way only. Any other
gets a digest of what it stands for at its end: such a name is read back through the catalogue. A tool's name never
depends on what else is registered.

A resource is `omega://member/<id>/<its own URI, verbatim>` (`bus.names`). Verbatim, because then the same holds for
templates: what a client makes of the prefixed template is the prefix and what it would have made of the template alone.
"""

from __future__ import annotations

import hashlib
import re

from bus.names import is_id

SEPARATOR = "__"
MAX_NAME = 128

_DIGEST = 10
_MEMBER_PART = 50
_NAME_PART = MAX_NAME - _MEMBER_PART - 2 * len(SEPARATOR) - _DIGEST
_SAFE = re.compile(r"[A-Za-z0-9_.-]+")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_DIGESTED = re.compile(rf".*__[0-9a-f]{{{_DIGEST}}}")


def exposed(member: str, name: str) -> str:
    """The name of a member's tool or prompt in the federation: at most 128 of `A-Z a-z 0-9 _ . -`."""
    plain = f"{member}{SEPARATOR}{name}"
    if parted(plain) == (member, name):
        return plain
    digest = hashlib.sha256(f"{member}\0{name}".encode("utf-8", "replace")).hexdigest()[:_DIGEST]
    return SEPARATOR.join((member[:_MEMBER_PART], _UNSAFE.sub("_", name)[:_NAME_PART], digest))


def parted(name: str) -> tuple[str, str] | None:
    """The member and its own name for what is called `name`; None where only the catalogue can tell."""
    member, separator, own = name.partition(SEPARATOR)
    plain = separator and own and is_id(member) and len(name) <= MAX_NAME and _SAFE.fullmatch(name)
    return (member, own) if plain and not _DIGESTED.fullmatch(name) else None
