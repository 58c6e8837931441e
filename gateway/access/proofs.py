"""Ways to prove who one is. Each has one method: from what a request shows to who sent it, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bus.access import LOCAL, Principal
from gateway.access.facts import Facts


@dataclass(frozen=True, slots=True)
class Proof:
    """Who asks, and for how long that is so."""

    principal: Principal
    holds: Callable[[float], bool]
    """Whether it is still so at a moment (Unix seconds)."""
    again: Callable[[float], bool] | None = None
    """Whether the same credentials prove the same at a moment, without being looked at again; None: look again."""


class Way(Protocol):
    """One way."""

    async def prove(self, facts: Facts) -> Proof | None:
        """None: nothing of its kind was shown. Raises Unauthenticated, Malformed, IssuerAway."""
        ...


def _always(_: float) -> bool:
    return True


NOBODY_IN_PARTICULAR = Proof(LOCAL, _always)
