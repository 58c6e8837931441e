"""Whether a call that failed is sent again, and with how much of its time. Pure.

A call runs at most once unless it may run twice: what was certainly not executed goes elsewhere, what may have been
executed goes elsewhere only where that is declared safe.
"""

from __future__ import annotations

from bus.errors import FederationError, MemberLost

ATTEMPTS = 3
"""How often one call is sent at most."""
SHORTEST_S = 0.05
"""With less time left than this no other attempt is made."""
HOP_S = 0.25
HOP_SHARE = 0.05
"""What a hop keeps back of the time it has: the one behind it gives up first, and its word arrives in time."""

SAFE_METHODS = frozenset(
    {
        "server/discover",
        "tools/list",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "completion/complete",
    }
)
"""MCP methods that change nothing."""


def may_repeat(error: FederationError, *, attempt: int, safe: bool, left: float) -> bool:
    """Whether a call that failed with `error` at its `attempt`-th sending (from 1) is sent once more.

    `safe`: it may run twice. `left`: seconds until its caller gives up.
    """
    if attempt >= ATTEMPTS or left < SHORTEST_S:
        return False
    return error.unexecuted or (safe and isinstance(error, MemberLost))


def told(error: FederationError, before: FederationError | None) -> FederationError:
    """What a caller hears of a sending that failed with `error` after one that failed with `before`.

    That the last was not executed says nothing of the one before.
    """
    return before if before is not None and error.unexecuted and not before.unexecuted else error


def for_the_next_hop(left: float) -> float:
    """Seconds to tell the next hop of `left` seconds."""
    return left - min(HOP_S, left * HOP_SHARE)
