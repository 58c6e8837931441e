"""What an engine may say no with: words for the caller, a kind for the border, nothing of the bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Refusal(Exception):
    """The input was looked at and refused. `message` is for people; `details` are small JSON values."""

    kind: ClassVar[str] = "failed"

    def __init__(self, message: str, **details: Any) -> None:
        self.message = message
        self.details: Mapping[str, Any] = details
        super().__init__(message)


class Invalid(Refusal):
    """The arguments cannot be what the caller meant: empty, unreadable, of an unknown kind."""

    kind = "invalid"


class Forbidden(Refusal):
    """Readable, but policy does not allow it."""

    kind = "forbidden"


class TooLarge(Refusal):
    """Above a limit that the message names."""

    kind = "too_large"


class Failed(Refusal):
    """The work was begun and could not be done; `details["reason"]` is one word for programs."""

    kind = "failed"


class Occupied(Refusal):
    """Nothing was begun: every worker is taken. The same request may succeed in a moment."""

    kind = "occupied"


KINDS: Mapping[str, type[Refusal]] = {kind.kind: kind for kind in (Invalid, Forbidden, TooLarge, Failed, Occupied)}


def as_data(refusal: Refusal) -> dict[str, Any]:
    """A refusal as it crosses a pipe."""
    return {"kind": refusal.kind, "message": refusal.message, "details": dict(refusal.details)}


def from_data(data: Mapping[str, Any]) -> Refusal:
    """The refusal that `as_data` wrote."""
    return KINDS[data["kind"]](data["message"], **data["details"])
