"""Whether a registration or a leave is taken, and what the registry holds afterwards. Decisions only.

Lives of one instance id are ordered by epoch. A registration without one (by hand, over HTTP) continues the life
that is there, or begins one just after the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bus.compact import Reason, issued_at
from bus.errors import Conflict
from bus.messages import Status
from bus.subjects import Instance
from directory.record import Record


class Outcome(StrEnum):
    """What became of a registration."""

    REGISTERED = "registered"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A registration that was read and found well formed."""

    who: Instance
    manifest: Mapping[str, Any]
    digest: str
    epoch: int | None = None
    signed: str | None = None
    """The token it came in, whose signature holds."""
    issued_at: float = 0.0
    """When it was signed."""
    key: str | None = None
    """What it was signed with."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome, and the record to hold; with UNCHANGED it is the one already there."""

    outcome: Outcome
    record: Record


def admit(current: Record | None, new: Announcement, now: float) -> Admission:
    """Decide on `new` where the registry holds `current`.

    Raises Conflict when a newer life is in force, or a signed manifest was used before.
    """
    if current is None:
        return _begin(new, _epoch(new, int(now * 1000)), now)
    _refuse_replay(current, new)
    if not current.live:
        return _after_the_end(current, new, now)
    epoch = current.epoch if new.epoch is None else new.epoch
    if epoch < current.epoch:
        raise Conflict(
            f"{new.who.key}: epoch {epoch} is older than {current.epoch}: another process took this instance id",
            details={"epoch": current.epoch, "reason": Reason.OLDER_EPOCH.value},
        )
    if epoch > current.epoch:
        return _begin(new, epoch, now)
    return _continue(current, new, now)


def leave(current: Record | None, now: float, epoch: int | None = None) -> Record | None:
    """The tombstone of an instance that leaves, or None when there is nothing to end.

    A process that says which life it ends does not end a later one: it was displaced, and may be late to know.
    """
    if current is None or not current.live or (epoch is not None and epoch < current.epoch):
        return None
    return current.turned(Status.LEFT, now)


def _refuse_replay(current: Record, new: Announcement) -> None:
    """Signatures of one life come in the order they were made. Raises Conflict for one that was used, or is late.

    Only a member that is there may send again what it is known by: a copy of it revives nobody.
    """
    if new.signed is None or current.signed is None or new.epoch != current.epoch:
        return
    if new.signed == current.signed and current.status is Status.ACTIVE:
        return
    if new.signed == current.signed or new.issued_at <= issued_at(current.signed):
        raise Conflict(
            f"{new.who.key}: this signature was used before; sign again", details={"reason": Reason.REPLAYED.value}
        )


def _begin(new: Announcement, epoch: int, now: float) -> Admission:
    record = Record(
        who=new.who,
        manifest=new.manifest,
        epoch=epoch,
        digest=new.digest,
        status=Status.ACTIVE,
        registered_at=now,
        changed_at=now,
        signed=new.signed,
    )
    return Admission(Outcome.REGISTERED, record)


def _after_the_end(ended: Record, new: Announcement, now: float) -> Admission:
    """An instance that left stays gone for registrations of that life; one that only expired may come back."""
    first = ended.epoch + 1 if ended.status is Status.LEFT else ended.epoch
    if new.epoch is not None and new.epoch < first:
        raise Conflict(
            f"{new.who.key}: epoch {new.epoch} has {ended.status.value}; the next is {first} or later",
            details={"epoch": ended.epoch, "reason": Reason.OLDER_EPOCH.value},
        )
    return _begin(new, _epoch(new, max(int(now * 1000), first)), now)


def _continue(current: Record, new: Announcement, now: float) -> Admission:
    same = new.digest == current.digest and new.signed == current.signed
    if same and current.status is Status.ACTIVE:
        return Admission(Outcome.UNCHANGED, current)
    record = Record(
        who=new.who,
        manifest=new.manifest,
        epoch=current.epoch,
        digest=new.digest,
        status=Status.ACTIVE,
        registered_at=current.registered_at,
        changed_at=now,
        signed=new.signed,
    )
    return Admission(Outcome.UPDATED, record)


def _epoch(new: Announcement, otherwise: int) -> int:
    return otherwise if new.epoch is None else new.epoch
