"""What each path needs of who asks for it. A path that is not in the table is for nobody.

The table lets in whoever holds a right at all; what a narrowed right reaches is decided where the member, the tool or
the id is known (`enforcement`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bus.access import Principal, Right

UNMATCHED = "unmatched"
"""Stands for the path of a request that no route took, in the metrics too: a client must not make new values there."""
WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class Need:
    """What is needed: any one of `rights`; with none of them, to be somebody."""

    rights: tuple[Right, ...] = ()
    open: bool = False
    """Nothing is needed, and nobody is asked."""
    resource: bool = False
    """The path is a resource of its own, which access tokens name; the others belong to that of the whole port."""

    @property
    def scope(self) -> str:
        """The scopes that would do, as a challenge names them."""
        return " ".join(self.rights)

    def met_by(self, caller: Principal) -> bool:
        """Whether `caller` is let in."""
        return not self.rights or any(caller.may(right) for right in self.rights)


OPEN = Need(open=True)
SOMEBODY = Need()
SEE = Need((Right.DISCOVER, Right.CALL))
CALL = Need((Right.CALL,))
REGISTER = Need((Right.REGISTER,))
OBSERVE = Need((Right.OBSERVE,))
MCP = Need((Right.DISCOVER, Right.CALL), resource=True)

_DIRECTORY = "/mcp/resources/omega/directory"

NEEDS: Mapping[tuple[str, str], Need] = {
    ("GET", "/health"): OPEN,
    ("GET", "/health/live"): OPEN,
    ("GET", "/health/ready"): OPEN,
    ("GET", WELL_KNOWN): OPEN,
    ("GET", f"{WELL_KNOWN}/mcp"): OPEN,
    ("GET", f"{WELL_KNOWN}/servers/{{id}}/mcp"): OPEN,
    ("GET", "/"): SOMEBODY,
    ("GET", "/docs"): SOMEBODY,
    ("GET", "/openapi.json"): SOMEBODY,
    ("GET", "/metrics"): OBSERVE,
    ("GET", f"{_DIRECTORY}/servers"): SEE,
    ("GET", f"{_DIRECTORY}/servers/{{id}}"): SEE,
    ("GET", f"{_DIRECTORY}/search"): SEE,
    ("GET", f"{_DIRECTORY}/tags"): SEE,
    ("GET", "/servers/{id}/health"): SEE,
    ("POST", "/mcp/register"): REGISTER,
    ("POST", "/mcp/heartbeat"): REGISTER,
    ("DELETE", "/mcp/unregister/{id}"): REGISTER,
    ("POST", "/mcp/call/{service}/{tool}"): CALL,
    ("POST", "/mcp/call/{tool}"): CALL,
    ("*", "/mcp"): MCP,
    ("*", "/servers/{id}/mcp"): MCP,
}
"""Method and path, as the path is written in the routes; `*` for a path that takes every method itself."""


def need_of(method: str, path: str) -> Need | None:
    """What a route needs. None: it is not in the table."""
    if path == UNMATCHED:
        return OPEN  # there is nothing, for everybody
    asked = "GET" if method == "HEAD" else method
    return NEEDS.get((asked, path)) or NEEDS.get(("*", path))
