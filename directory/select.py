"""The one instance to use: live first, then the highest version, then the quickest, then the least loaded.

Version outranks speed but never life, and a pre-release stands below its release. Measuring is not done here:
`candidates` says whom to ask, `choose` decides with what was measured.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bus.messages import SelectQuery, Status
from bus.subjects import Instance
from directory.leases import Leases
from directory.member import Member, version_of
from directory.query import Ranking, find
from directory.record import Record
from directory.registry import Registry
from directory.versions import Precedence, precedence, read_range

Kind = tuple[bool, str]
"""Whether an instance is active, and its version: many instances are of few kinds."""

_ACTIVE = Status.ACTIVE

MAX_CANDIDATES = 16
"""How many equals are measured: more would cost more than the best of them can save."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance that could be used."""

    member: Member
    who: Instance
    load: float


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The candidates tied at the top."""

    top: tuple[Candidate, ...]
    """At most 16, the least loaded first."""
    considered: int
    """Instances that satisfied the query."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The instance to use, and why."""

    member: Member
    who: Instance
    response_time_s: float | None
    """None where it was not measured, or did not answer."""
    considered: int


def candidates(registry: Registry, leases: Leases, text: Ranking, wanted: SelectQuery) -> Shortlist:
    """The best instances of the members that match. Raises InvalidRequest for an unreadable version range.

    The version range is put to each instance, so that of a member in two versions the right one is found.
    """
    members = find(registry, text, wanted.model_copy(update={"version": None}))
    kinds = Counter(_kind(record) for member in members for record in member.instances)
    fitting = _fitting(kinds, wanted)
    best = max((_rank(kind) for kind in fitting), default=None)
    top = {kind for kind in fitting if _rank(kind) == best}
    tied = (
        _candidate(member, record, leases) for member in members for record in member.instances if _kind(record) in top
    )
    shortest = heapq.nsmallest(MAX_CANDIDATES, tied, key=_tie_break)
    return Shortlist(tuple(shortest), sum(kinds[kind] for kind in fitting))


def choose(shortlist: Shortlist, response_times: Mapping[Instance, float | None]) -> Choice | None:
    """The quickest of the shortlist by seconds measured; who has no time comes last. None: nobody matched."""
    if not shortlist.top:
        return None
    best = min(shortlist.top, key=lambda one: (_time(response_times.get(one.who)), *_tie_break(one)))
    return Choice(best.member, best.who, response_times.get(best.who), shortlist.considered)


def _kind(record: Record) -> Kind:
    return record.status == _ACTIVE, version_of(record)


def _fitting(kinds: Iterable[Kind], wanted: SelectQuery) -> list[Kind]:
    versions = read_range(wanted.version) if wanted.version is not None else None
    alive = [kind for kind in kinds if kind[0] or wanted.status != "active"]
    return [kind for kind in alive if versions is None or versions.holds(kind[1])]


def _rank(kind: Kind) -> tuple[bool, Precedence]:
    """What is decided without measuring; higher is better."""
    live, version = kind
    return live, precedence(version)


def _candidate(member: Member, record: Record, leases: Leases) -> Candidate:
    seen = leases.of(record.who)
    return Candidate(member, record.who, seen.load if seen else 0.0)


def _tie_break(one: Candidate) -> tuple[float, str, str]:
    return one.load, one.who.member, one.who.instance


def _time(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
