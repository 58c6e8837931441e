"""Which entries of a backup go into a federation that may hold newer ones. Decisions only.

A record is newer than another of its key when its life began later (its epoch is higher), or when it is of the same
life and was changed later. Only what is older is written over. An owner that is there is never written over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from bus.errors import Malformed
from directory.ownership import Ownership
from directory.record import Record


class Verdict(StrEnum):
    """What becomes of a saved record, or of a saved owner."""

    RESTORED = "restored"
    SAME = "same"
    """The federation holds exactly this record; the id has this owner."""
    NEWER_THERE = "newer_there"
    """The registry holds something newer, or something that is no record of ours; the id was released since."""
    FORGOTTEN = "forgotten"
    """A tombstone whose time ran out since the backup."""
    OTHER_OWNER = "other_owner"
    """The id has another owner there, who stays; of a record: its id has not the owner that it had."""


@dataclass(frozen=True, slots=True)
class Saved:
    """An entry of a bucket, as a backup holds it."""

    key: str
    data: bytes
    ends_at: float | None = None
    """Unix seconds when the bucket was to forget it; None: never."""


def judge(current: bytes | None, saved: Saved, now: float) -> Verdict:
    """What to do about the record `saved` where the registry holds `current` (None: nothing)."""
    if current == saved.data:
        return Verdict.SAME
    if current is not None and not _older(current, saved.data):
        return Verdict.NEWER_THERE
    if saved.ends_at is not None and saved.ends_at <= now:
        return Verdict.FORGOTTEN
    return Verdict.RESTORED


def judge_owner(current: bytes | None, saved: Saved) -> Verdict:
    """What to do about the owner `saved` where `current` is stored of the id (None: nothing).

    An owner that is there stays, however old. A release is an operator's word: it stays where it is newer than what
    was saved. What cannot be read names nobody and says nothing, as to the directories.
    """
    if current is None:
        return Verdict.RESTORED
    there, offered = _ownership(current), _ownership(saved.data)
    if there.owner == offered.owner:
        return Verdict.SAME
    if there.owner is not None:
        return Verdict.OTHER_OWNER
    return Verdict.NEWER_THERE if there.since >= offered.since else Verdict.RESTORED


def time_left(ends_at: float | None, now: float) -> int | None:
    """Whole seconds that a tombstone has left, at least one; None for what is not to be forgotten."""
    return None if ends_at is None else max(1, round(ends_at - now))


def _older(current: bytes, saved: bytes) -> bool:
    try:
        held, offered = Record.from_bytes(current), Record.from_bytes(saved)
    except Malformed:
        return False
    return (held.epoch, held.changed_at) < (offered.epoch, offered.changed_at)


def _ownership(data: bytes) -> Ownership:
    try:
        return Ownership.from_bytes(data)
    except Malformed:
        return Ownership(None, -math.inf)
