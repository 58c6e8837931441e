"""Every failure the federation can report, in one tree.

FederationError
├── Refused               sent again unchanged, it will be refused again
│   ├── Malformed             the bytes are not a message of the named content type
│   ├── InvalidRequest        a message, but a field is missing, wrong or out of bounds
│   ├── InvalidArguments      the arguments do not fit the tool's input schema
│   ├── Unauthenticated       who asks did not prove who it is
│   ├── NotAllowed            policy forbids it
│   ├── NotFound              no such path or resource
│   │   ├── UnknownMember         no such member in the registry
│   │   └── UnknownTool           the member has no such tool
│   ├── Conflict              a newer registration of the same instance is in force
│   ├── TooLarge              above a size limit that the message names
│   ├── UnsupportedMedia      a content type that nobody here reads
│   └── ToolError             the tool ran and said no, in words meant for the caller
├── Unavailable           the same request may succeed later or elsewhere
│   ├── NoInstance            nobody serves that member now; not executed
│   ├── Busy                  at its limit; not executed
│   ├── RateLimited           more than this caller may ask for in a while; not executed
│   ├── MemberFailing         it failed call after call and is left alone for a while; not executed
│   ├── Disconnected          no connection to the bus; not sent
│   ├── DirectoryAway         no directory answers
│   └── StorageAway           the registry's storage does not answer
│       └── StorageMissing        it answers, and what is asked for is not in it
├── Unknown               the outcome cannot be told; look before trying again
│   ├── DeadlineExceeded      no result in time; the tool may have run
│   ├── Cancelled             the caller withdrew
│   ├── MemberLost            the instance died in the middle of the call
│   └── OutcomeUnknown        a write was sent and neither confirmed nor refused
└── Broken                a fault on our side
    ├── ToolCrashed           the tool raised something nobody expected
    └── Internal              a defect; its details stay in the log

Each leaf knows its code, whether a retry can help, and its HTTP, JSON-RPC and NATS form. A border (HTTP handler,
NATS responder, JSON-RPC writer) asks the error and maps nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from bus.masking import masked, masked_value

Details = Mapping[str, Any]


class FederationError(Exception):
    """Something the federation can name. `message` is for people, `code` for programs, `details` for both.

    Secrets of a known form are hidden in what it says, whoever worded it.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    jsonrpc_code: ClassVar[int] = -32603
    unexecuted: bool = False
    """Certainly nothing was executed: it may be sent again, or elsewhere."""

    def __init__(self, message: str = "", *, details: Details | None = None) -> None:
        self.message = masked(message) if message else _first_line(type(self))
        self.details: Details | None = details
        super().__init__(self.message)

    @property
    def nats_code(self) -> str:
        """The numeric `Nats-Service-Error-Code` of ADR-32: the HTTP status, so that one number serves both."""
        return str(self.http_status)

    def body(self) -> dict[str, Any]:
        """The one shape of an error: `{"error": {"code", "message", "details"?, "retryable"}}`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.details:
            error["details"] = masked_value(self.details)
        return {"error": error}


class Refused(FederationError):
    """The request was refused."""

    code = "refused"
    http_status = 400
    jsonrpc_code = -32602


class Malformed(Refused):
    """The body could not be read."""

    code = "malformed"
    jsonrpc_code = -32700


class InvalidRequest(Refused):
    """The request is not valid."""

    code = "invalid_request"


class InvalidArguments(Refused):
    """The arguments do not fit the tool's input schema."""

    code = "invalid_arguments"


class Unauthenticated(Refused):
    """Credentials are needed here, and none that hold were given."""

    code = "unauthenticated"
    http_status = 401


class NotAllowed(Refused):
    """Policy forbids this."""

    code = "not_allowed"
    http_status = 403


class NotFound(Refused):
    """There is nothing here."""

    code = "not_found"
    http_status = 404


class UnknownMember(NotFound):
    """No member of that id is registered."""

    code = "unknown_member"


class UnknownTool(NotFound):
    """The member has no tool of that name."""

    code = "unknown_tool"


class Conflict(Refused):
    """A newer registration of this instance is in force."""

    code = "conflict"
    http_status = 409


class TooLarge(Refused):
    """The message is larger than the limit."""

    code = "too_large"
    http_status = 413


class UnsupportedMedia(Refused):
    """The content type is neither JSON nor MessagePack."""

    code = "unsupported_media_type"
    http_status = 415


class ToolError(Refused):
    """The tool ran and reported an error."""

    code = "tool_error"
    http_status = 422
    jsonrpc_code = -32603


class Unavailable(FederationError):
    """Not available now."""

    code = "unavailable"
    retryable = True
    http_status = 503


class NoInstance(Unavailable):
    """Nobody serves this member now."""

    code = "no_instance"
    unexecuted = True


class Busy(Unavailable):
    """Every slot is taken; the call was not executed."""

    code = "busy"
    http_status = 429


class RateLimited(Unavailable):
    """More than this caller may ask for in a while; not executed."""

    code = "rate_limited"
    http_status = 429


class MemberFailing(Unavailable):
    """The member failed call after call and is left alone for a moment; not executed."""

    code = "member_failing"


class Disconnected(Unavailable):
    """There is no connection to the message bus."""

    code = "bus_unavailable"


class BusRefuses(Disconnected):
    """The message bus answers, and does not let this process in."""

    code = "bus_refused"


class DirectoryAway(Unavailable):
    """No directory answers."""

    code = "directory_unavailable"


class StorageAway(Unavailable):
    """The registry's storage does not answer."""

    code = "storage_unavailable"


class StorageMissing(StorageAway):
    """The storage holds no such stream or bucket; directories make them when they start."""

    code = "storage_missing"


class Unknown(FederationError):
    """The outcome is unknown."""

    code = "unknown"
    http_status = 504


class DeadlineExceeded(Unknown):
    """No result before the deadline; the tool may have run."""

    code = "deadline_exceeded"


class Cancelled(Unknown):
    """The call was cancelled."""

    code = "cancelled"
    http_status = 499
    jsonrpc_code = -32800


class MemberLost(Unknown):
    """The instance stopped answering in the middle of the call."""

    code = "member_lost"
    http_status = 502


class OutcomeUnknown(Unknown):
    """The write was sent, and neither confirmed nor refused."""

    code = "outcome_unknown"


class Broken(FederationError):
    """A fault on our side."""

    code = "broken"


class ToolCrashed(Broken):
    """The tool failed unexpectedly."""

    code = "tool_crashed"


class Internal(Broken):
    """An internal error; its details are in the log."""

    code = "internal"


def jsonrpc(error: FederationError, request_id: Any) -> dict[str, Any]:
    """The JSON-RPC response that tells of `error`; its `data` is `code`, `retryable` and `details`."""
    data = {name: value for name, value in error.body()["error"].items() if name != "message"}
    told = {"code": error.jsonrpc_code, "message": error.message, "data": data}
    return {"jsonrpc": "2.0", "id": request_id, "error": told}


def leaves(root: type[FederationError] = FederationError) -> dict[str, type[FederationError]]:
    """Every error class at and below `root`, by code."""
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= leaves(child)
    return found


def from_body(body: object) -> FederationError:
    """The error that `body()` described; an unreadable or foreign description becomes `Internal`."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return Internal("an error reply without a description")
    inner = error.get("data")
    if isinstance(inner, Mapping) and "retryable" in inner:  # the JSON-RPC form: ours is its data
        error = {"message": error.get("message", ""), **inner}
    kind = _BY_CODE.get(str(error.get("code")), Internal)
    details = error.get("details")
    return kind(str(error.get("message", "")), details=details if isinstance(details, Mapping) else None)


def _first_line(kind: type[FederationError]) -> str:
    return (kind.__doc__ or kind.__name__).strip().splitlines()[0]


_BY_CODE: dict[str, type[FederationError]] = {**leaves(), FederationError.code: Internal}
