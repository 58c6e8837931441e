"""What the registry may hold of an id, after all its client did and was told. Pure.

An operation whose outcome is unknown may have had its effect, may have it later, or never; an acknowledged one had it.
The rules of a life (which registration beats which) are written down here once more, from the contract and not from
the directory's code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.journal import Op, Operation, Outcome

ABSENT, ACTIVE, LEFT = "absent", "active", "left"
GONE_ALREADY = "unknown_member"
"""What a leave is told where there is nobody to leave."""
CONFLICT = "conflict"
"""What a registration is told where a later life is in force."""
RIGHTLY = (GONE_ALREADY, CONFLICT)
"""Refusals that are answers; whether each was the right one is judged by its id's life."""


@dataclass(frozen=True, slots=True)
class Held:
    """One state of an id."""

    status: str = ABSENT
    epoch: int = -1
    version: str = ""


@dataclass(slots=True)
class Life:
    """One id, followed through its operations in the order in which its client made them."""

    id: str
    sure: Held = field(default_factory=Held)
    """The last state that was acknowledged."""
    pending: list[Operation] = field(default_factory=list)
    """What was asked and never answered for certain."""
    refused: list[Operation] = field(default_factory=list)
    """What was reported as not executed, for a reason that is no answer to it."""
    faults: list[str] = field(default_factory=list)
    """Answers that cannot be."""

    def follow(self, operation: Operation) -> None:
        if operation.outcome is Outcome.UNKNOWN:
            self.pending.append(operation)
        elif operation.outcome is Outcome.OK:
            self._acknowledged(operation)
        elif operation.op is Op.LEAVE and operation.code == GONE_ALREADY:
            self._nobody_there(operation)
        elif operation.code == CONFLICT and all(_effect(held, operation) for held in self.possible()):
            self.faults.append(f"epoch {operation.epoch} was refused, and nothing stood against it")
        elif operation.code not in RIGHTLY:
            self.refused.append(operation)

    def possible(self) -> set[Held]:
        """Every state it may be in now: the one that is sure, and what each pending operation may make of it."""
        states = {self.sure}
        while True:
            more = {after for held in states for op in self.pending if (after := _effect(held, op)) is not None}
            if more <= states:
                return states
            states |= more

    def _acknowledged(self, operation: Operation) -> None:
        if operation.op is Op.LEAVE:
            if all(held.status != ACTIVE for held in self.possible()):
                self.faults.append("acknowledged that it left, and it was not there")
            self.sure = Held(LEFT, self._latest_epoch(), "")
            return
        epoch = operation.epoch or 0
        if self.sure.status == LEFT and epoch <= self.sure.epoch:
            self.faults.append(f"epoch {epoch} was taken after {self.sure.epoch} had left")
        elif epoch < self.sure.epoch:
            self.faults.append(f"epoch {epoch} was taken after {self.sure.epoch}")
        self.sure = Held(ACTIVE, epoch, operation.version)

    def _nobody_there(self, operation: Operation) -> None:
        """Right where it may have left before; an acknowledged registration that nobody knows is lost."""
        if any(held.status != ACTIVE for held in self.possible()):
            self.sure = Held(LEFT, self._latest_epoch(), "")
        else:
            self.faults.append(f"acknowledged at epoch {self.sure.epoch}, and unknown when it was to leave")

    def _latest_epoch(self) -> int:
        return max(held.epoch for held in self.possible())


def lives(operations: Iterable[Operation]) -> dict[str, Life]:
    """Every id that was ever registered or withdrawn. A client does one thing at a time with an id."""
    found: dict[str, Life] = {}
    for operation in _in_order(operations):
        found.setdefault(operation.id, Life(operation.id)).follow(operation)
    return found


def judge(life: Life, held: Held) -> str | None:
    """What is wrong with what the registry holds of it in the end; None: nothing."""
    if any(_same(possible, held) for possible in life.possible()):
        return None
    if any(_same(after, held) for after in _had_they_been_executed(life)):
        return "misreported"
    if life.sure.status == ACTIVE and (held.status != ACTIVE or held.epoch < life.sure.epoch):
        return "lost"
    if life.sure.status == LEFT and held.status == ACTIVE and held.epoch <= life.sure.epoch:
        return "undone"
    return "wrong"


def _had_they_been_executed(life: Life) -> set[Held]:
    """What the operations that were reported as not executed would have made of it."""
    states = {_effect(held, operation) for held in life.possible() for operation in life.refused}
    return {held for held in states if held is not None}


def _same(possible: Held, held: Held) -> bool:
    if possible.status == ACTIVE:
        return held == possible
    return held.status == possible.status


def _effect(held: Held, operation: Operation) -> Held | None:
    """What the operation makes of that state; None: it is refused, or changes nothing."""
    epoch = operation.epoch
    if operation.op is Op.LEAVE:
        if held.status != ACTIVE or (epoch is not None and epoch < held.epoch):
            return None
        return Held(LEFT, held.epoch, "")
    assert epoch is not None
    first = held.epoch + 1 if held.status == LEFT else held.epoch
    if epoch < first:
        return None
    return Held(ACTIVE, epoch, operation.version)


def _in_order(operations: Iterable[Operation]) -> Sequence[Operation]:
    return sorted((one for one in operations if one.op in (Op.REGISTER, Op.LEAVE)), key=lambda one: one.began)
