"""Where a replica stands in the bucket's sequence, and what to do about where the bucket stands. Decisions only.

A place names the stream too: the sequences of one that was made anew say nothing of the old one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bus.reading import StreamState
from bus.streams import TOMBSTONE_TTL_S

BLIND_S = TOMBSTONE_TTL_S / 2
"""A deletion leaves a mark for twice this long: after it, a replica that saw nothing may have missed one for good."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a replica has come: everything up to `sequence` is in the index, of the stream made at `created`."""

    created: str = ""
    sequence: int = 0


class Step(Enum):
    """What a repeated write means to a replica."""

    NEXT = "next"
    GAP = "gap"
    """Something before it was missed."""
    PASSED = "passed"
    """It came late or twice, or the bucket was made anew."""


class Repair(Enum):
    """What a look at the bucket asks for."""

    NOTHING = "nothing"
    CATCH_UP = "catch up"
    REBUILD = "rebuild"
    """Read everything: what is known may be out of date."""
    RESTORE = "restore"
    """Write back what the bucket lost, then read everything."""

    @property
    def reads_everything(self) -> bool:
        """For those who keep what they know in another way, or write nothing."""
        return self in (Repair.REBUILD, Repair.RESTORE)


def step(place: Place, revision: int) -> Step:
    """What the write of that revision is to a replica at `place`."""
    if revision == place.sequence + 1:
        return Step.NEXT
    return Step.GAP if revision > place.sequence else Step.PASSED


def repair(place: Place, bucket: StreamState | None, blind_s: float, *, held: int = 0, doubted: bool = False) -> Repair:
    """What is needed at `place`, given the bucket as it is (None: there is none).

    What lives leaves the bucket only under a mark that stays for longer than `BLIND_S`: a bucket that has less than
    what lives, or goes less far, was emptied by no one's wish.

    `blind_s`: seconds since the replica last compared itself with the bucket. `held`: live records in its index.
    `doubted`: the index turned out to hold something that the bucket does not.
    """
    if bucket is None or bucket.created != place.created:
        lost = True
    else:
        lost = doubted or bucket.last < place.sequence or bucket.messages < held
    if lost:
        return Repair.REBUILD if blind_s > BLIND_S else Repair.RESTORE
    if bucket is None or bucket.last == place.sequence:
        return Repair.NOTHING
    return Repair.REBUILD if blind_s > BLIND_S else Repair.CATCH_UP
