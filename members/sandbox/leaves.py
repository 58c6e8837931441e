"""Where an engine's refusal becomes an error of the federation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bus.errors import Busy, FederationError, InvalidArguments, NotAllowed, TooLarge, ToolError
from members.sandbox import refusals

LEAVES: Mapping[type[refusals.Refusal], type[FederationError]] = {
    refusals.Invalid: InvalidArguments,
    refusals.Forbidden: NotAllowed,
    refusals.TooLarge: TooLarge,
    refusals.Failed: ToolError,
    refusals.Occupied: Busy,
}


def leaf(refusal: refusals.Refusal) -> FederationError:
    """The error a caller sees: same words, same details, the status of its kind."""
    return LEAVES[type(refusal)](refusal.message, details=refusal.details or None)


@contextmanager
def federation_errors() -> Iterator[None]:
    """Refusals raised inside leave as leaves of `bus.errors`."""
    try:
        yield
    except refusals.Refusal as refusal:
        raise leaf(refusal) from None
