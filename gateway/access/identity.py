"""The caller's identity on its way to a tool: minted of what was proved, and of nothing that a client sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bus import headers
from bus.access import Principal

_MINTED = frozenset({headers.CALLER.lower(), headers.CALLER_SCOPES.lower()})


def sent_on(given: Mapping[str, str], caller: Principal) -> dict[str, str]:
    """The headers `given` with the identity of `caller`, which nobody else can have put there.

    Nobody in particular has no identity, and none is sent.
    """
    kept = {name: value for name, value in given.items() if name.lower() not in _MINTED}
    if not caller.anonymous:
        kept[headers.CALLER] = caller.name
        kept[headers.CALLER_SCOPES] = caller.scopes.text
    return kept
