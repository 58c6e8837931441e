"""Which lines of a backup go into a registry that may hold newer ones. Decisions only.

A record is newer than another of its key when its life began later (its epoch is higher), or when it is of the same
life and was changed later. Only what is older is written over.
"""

from __future__ import annotations

from enum import StrEnum

from bus.errors import Malformed
from directory.record import Record


class Verdict(StrEnum):
    """What becomes of a saved record."""

    RESTORED = "restored"
    SAME = "same"
    """The registry holds exactly this."""
    NEWER_THERE = "newer_there"
    """The registry holds something newer, or something that is no record of ours."""
    FORGOTTEN = "forgotten"
    """A tombstone whose time ran out since the backup."""


def judge(current: bytes | None, saved: bytes, ends_at: float | None, now: float) -> Verdict:
    """What to do about `saved` where the registry holds `current` (None: nothing)."""
    if current == saved:
        return Verdict.SAME
    if current is not None and not _older(current, saved):
        return Verdict.NEWER_THERE
    if ends_at is not None and ends_at <= now:
        return Verdict.FORGOTTEN
    return Verdict.RESTORED


def time_left(ends_at: float | None, now: float) -> int | None:
    """Whole seconds that a tombstone has left, at least one; None for what is not to be forgotten."""
    return None if ends_at is None else max(1, round(ends_at - now))


def _older(current: bytes, saved: bytes) -> bool:
    try:
        held, offered = Record.from_bytes(current), Record.from_bytes(saved)
    except Malformed:
        return False
    return (held.epoch, held.changed_at) < (offered.epoch, offered.changed_at)
