"""The small messages of presence and discovery: heartbeats, registrations' answers, queries.

A query refuses a parameter it does not know: a filter that is silently ignored answers a question nobody asked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from bus.names import ID_PATTERN

MAX_LIMIT = 1_000
DEFAULT_LIMIT = 50


class Status(StrEnum):
    """The life of an instance, a closed set of words."""

    ACTIVE = "active"
    STALE = "stale"
    EXPIRED = "expired"
    LEFT = "left"


class EventKind(StrEnum):
    """What the audit trail tells, `omega.event.<kind>.<member>`."""

    REGISTERED = "registered"
    UPDATED = "updated"
    REJECTED = "rejected"
    STALE = "stale"
    ACTIVE = "active"
    LEFT = "left"
    EXPIRED = "expired"
    CALL_DENIED = "call-denied"
    ACCESS_DENIED = "access-denied"
    """A door refused whoever asked: no credentials that hold, or none for this."""
    OWNER_CHANGED = "owner-changed"
    TOOL_CHANGED = "tool-changed"
    """A known member describes a tool otherwise than before."""
    TRUST_CHANGED = "trust-changed"
    """A key, a token or a credential was issued, replaced or revoked."""


class Heartbeat(BaseModel):
    """ "I am still here", at most 200 bytes; an empty body is a heartbeat too."""

    model_config = ConfigDict(extra="ignore")

    epoch: int | None = Field(default=None, ge=0, le=2**63 - 1)
    digest: str | None = Field(default=None, max_length=64)
    load: float = Field(default=0.0, ge=0, le=1_000_000)
    in_flight: int = Field(default=0, ge=0, le=1_000_000)
    limit: int = Field(default=0, ge=0, le=1_000_000)
    """Calls it serves at once. Telling it means: I take calls that name my instance."""
    site: str | None = Field(default=None, pattern=ID_PATTERN)


class Leave(BaseModel):
    """The body of a graceful end; an empty one ends whatever life is in force."""

    model_config = ConfigDict(extra="ignore")

    epoch: int | None = Field(default=None, ge=0, le=2**63 - 1)
    """The life that ends: a later one of the same instance goes on."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=128)]],
    BeforeValidator(_as_list),
    Field(default_factory=list, max_length=32),
]
"""One word or a list of words; several must all hold."""

StatusFilter = Literal["active", "stale", "any"]


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Filter(Query):
    """Which members: every condition must hold."""

    tag: Words
    without_tag: Words
    capability: Words
    q: Annotated[str, StringConstraints(max_length=512)] | None = Field(
        default=None, description="Words to rank by, over id, name, description, tags, capabilities and tools"
    )
    status: StatusFilter = "active"
    version: Annotated[str, StringConstraints(max_length=128)] | None = Field(
        default=None, description="A semantic version range: `>=1.2 <2`, `^1.4`, `~2.0.1`, `1.0.0`"
    )


class Paged(Query):
    page: int = Field(default=1, ge=1, le=1_000_000)
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class ServersQuery(Filter, Paged):
    """`servers` and `search`."""


class ServerQuery(Query):
    """`server`: one member."""

    id: Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class SelectQuery(Filter):
    """`select`: the one member to use."""


class TagsQuery(Query):
    """`tags`: every tag with its number of members."""

    status: StatusFilter = "active"


class ToolsQuery(Filter, Paged):
    """`tools`: the tools of the members that match, each with its member."""

    server: Annotated[str, StringConstraints(pattern=ID_PATTERN)] | None = None


class StatsQuery(Query):
    """`stats`: counts and figures of the replica that answers."""
