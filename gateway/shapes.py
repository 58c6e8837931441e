"""What goes in and out of the HTTP face, as models: requests are checked by them, the API document is made of them.

The answers of directory and members pass through as bytes; their models describe them and are held to that by tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel

from bus.manifest import Manifest
from bus.names import ID_PATTERN, MAX_TOOL_NAME

MemberId = Annotated[str, Field(pattern=ID_PATTERN, description="1 to 64 letters, digits, `_` or `-`")]
Timestamp = Annotated[str, Field(description="RFC 3339, UTC", examples=["2026-01-31T09:30:00.000Z"])]
ToolName = Annotated[str, Field(min_length=1, max_length=MAX_TOOL_NAME)]

TIMEOUT_MS = "X-Omega-Timeout-Ms"


# asked ------------------------------------------------------------------------------------------------------------


class MemberPath(BaseModel):
    """One member."""

    id: MemberId


class CallPath(BaseModel):
    """One tool of one member."""

    service: MemberId
    tool: ToolName


class DoorCallPath(BaseModel):
    """One tool of the door's member."""

    tool: ToolName


class CallHeaders(BaseModel):
    """What a caller may say beside the arguments."""

    timeout_ms: Annotated[int, Field(ge=1)] | None = Field(
        default=None, alias=TIMEOUT_MS, description="Deadline of the call in milliseconds"
    )
    idempotency_key: Annotated[str, Field(pattern=r"^[!-~]{1,128}$")] | None = Field(
        default=None, alias="Idempotency-Key", description="The same for every attempt at the same call"
    )
    traceparent: str | None = Field(default=None, alias="traceparent", description="W3C trace context")


class InstanceQuery(BaseModel):
    """Which instance of a member; a member with one needs none."""

    model_config = ConfigDict(extra="forbid")

    instance: MemberId | None = None


class NoQuery(BaseModel):
    """No parameter at all."""

    model_config = ConfigDict(extra="forbid")


class HeartbeatBody(BaseModel):
    """ "I am still here", from a member that lives on HTTP."""

    model_config = ConfigDict(extra="ignore")

    service_id: MemberId = Field(validation_alias=AliasChoices("service_id", "id"))
    instance: MemberId | None = None


class Signed(BaseModel):
    """A manifest inside a compact JWS."""

    model_config = ConfigDict(extra="forbid")

    signed: Annotated[str, Field(max_length=1 << 20, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")]


class Registration(RootModel[Manifest | Signed]):
    """A bare manifest, or a signed one."""


class Arguments(RootModel[dict[str, Any]]):
    """The tool's arguments, as its input schema has them."""


# answered ---------------------------------------------------------------------------------------------------------


class Result(RootModel[Any]):
    """The tool's own result."""


class InstanceView(BaseModel):
    """One running copy of a member."""

    model_config = ConfigDict(extra="allow")

    id: str
    status: Literal["active", "stale"]
    last_seen: Timestamp
    registered_at: Timestamp


class MemberView(BaseModel):
    """A member's manifest with what the directory knows of it."""

    model_config = ConfigDict(extra="allow")

    id: MemberId
    name: str
    description: str
    version: str
    capabilities: list[str]
    tags: list[str]
    endpoints: dict[str, str]
    status: Literal["active", "stale"]
    registered_at: Timestamp
    last_seen: Timestamp
    instances: list[InstanceView]
    signed: str | bool = Field(description="The compact JWS the manifest came as; false where it came unsigned")


class Members(BaseModel):
    """One page of members."""

    servers: list[MemberView]
    total: int
    page: int
    limit: int
    next_page: int | None


class ResourceMetadata(BaseModel):
    """What a client must know to get an access token (RFC 9728)."""

    resource: str = Field(description="The resource identifier: what a token must name as its audience")
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    resource_name: str


class TagCount(BaseModel):
    tag: str
    count: int


class Tags(BaseModel):
    """Every tag with the number of members that carry it."""

    tags: list[TagCount]


class Registered(BaseModel):
    """The directory has stored the registration."""

    model_config = ConfigDict(extra="allow")

    status: Literal["registered", "updated", "unchanged"]
    id: MemberId
    instance: str
    epoch: int
    revision: int
    heartbeat_interval_s: float = Field(description="Seconds between heartbeats; three missed make the member stale")


class HeartbeatTaken(BaseModel):
    """The heartbeat is on its way to every directory."""

    status: Literal["ok"] = "ok"
    timestamp: Timestamp


class Left(BaseModel):
    """The member is no longer listed."""

    model_config = ConfigDict(extra="allow")

    status: str
    id: MemberId


class Health(BaseModel):
    """How a service is."""

    status: Literal["healthy", "unhealthy"]
    id: str
    service: str
    type: Literal["service", "tool"]
    name: str
    version: str
    timestamp: Timestamp


class GatewayHealth(Health):
    """How the federation's front is."""

    uptime: float = Field(description="Seconds since the gateway started")
    bus: Literal["connected", "away"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The bus is connected and a directory answers."""

    status: Literal["ready"] = "ready"


class ErrorDescription(BaseModel):
    code: str = Field(description="For programs")
    message: str = Field(description="For people")
    retryable: bool = Field(description="Whether the same request may succeed later")
    details: dict[str, Any] | None = None


class ErrorBody(BaseModel):
    """The one shape of every error."""

    error: ErrorDescription
