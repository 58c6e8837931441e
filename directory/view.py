"""A member as discovery shows it: its own manifest, and what this replica knows of its life.

What a member says of itself changes seldom and is encoded once per registration; what heartbeats tell changes every
few seconds and is a few bytes behind it. So a reply of fifty members is a join of ready bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from bus.codec import JSON, MSGPACK
from bus.manifest import DIRECTORY_FIELDS
from bus.subjects import Instance
from directory.leases import Leases, Seen
from directory.member import Member, version_of
from directory.record import Record
from directory.registry import Registry
from directory.splice import closed, opened

_LAST_SECOND = 253_402_300_799.0
"""The end of the year 9999, behind which there are no dates to write."""


@dataclass(slots=True)
class Card:
    """The ready bytes of one member."""

    member: Member
    data: bytes
    own: int
    """How many of the first bytes are the member's own manifest, which no heartbeat changes."""
    fresh: bool = True


class View:
    """The manifests of discovery, as objects and as ready bytes in both forms."""

    def __init__(self, registry: Registry, leases: Leases) -> None:
        self.touches = 0
        """Rises with every touch: equal numbers and equal registry versions give equal bytes."""
        self._registry = registry
        self._leases = leases
        self._cards: dict[str, dict[str, Card]] = {JSON: {}, MSGPACK: {}}

    @property
    def ready(self) -> int:
        """Members whose bytes are held, in the form that holds more."""
        return max(map(len, self._cards.values()))

    def touch(self, who: Instance) -> None:
        """A lease of `who` was renewed: call after `Leases.renew`. Changes of the registry need no touch."""
        self.touches += 1
        for cards in self._cards.values():
            card = cards.get(who.member)
            if card is not None:
                card.fresh = False

    def data(self, member: Member, form: str = JSON) -> bytes:
        """The manifest of `member` as bytes of that form."""
        card = self._cards[form].get(member.id)
        if card is not None and card.fresh and card.member is member:
            return card.data
        return self._made(member, form, card).data

    def manifest(self, member: Member) -> dict[str, Any]:
        """The manifest of `member` as an object."""
        return own_fields(member) | self._live_fields(member)

    def _made(self, member: Member, form: str, last: Card | None) -> Card:
        live = self._live_fields(member)
        if last is not None and last.member.manifest is member.manifest:
            begun = last.data[: last.own]
        else:
            begun = opened(own_fields(member), len(live), form)
        card = Card(member, closed(begun, live, form), len(begun))
        self._keep(card, self._cards[form])
        return card

    def _keep(self, card: Card, cards: dict[str, Card]) -> None:
        cards[card.member.id] = card
        if len(cards) > 2 * len(self._registry) + 64:
            for gone in cards.keys() - set(self._registry.ids()):
                del cards[gone]

    def _live_fields(self, member: Member) -> dict[str, Any]:
        seen = [self._seen(record) for record in member.instances]
        return {
            "status": member.status,
            "registered_at": rfc3339(member.registered_at),
            "last_seen": rfc3339(max(one.at for one in seen)),
            "instances": [_instance(record, one) for record, one in zip(member.instances, seen, strict=True)],
            "signed": member.shown.signed or False,
        }

    def _seen(self, record: Record) -> Seen:
        """The last sign of life: the registration itself, where this replica has heard none."""
        return self._leases.of(record.who) or Seen(record.registered_at)


def own_fields(member: Member) -> dict[str, Any]:
    """What the member says of itself, without the fields that only the directory writes."""
    return {name: value for name, value in member.manifest.items() if name not in DIRECTORY_FIELDS}


@lru_cache(maxsize=16_384)
def rfc3339(seconds: float) -> str:
    """Unix seconds as `2026-11-22T10:36:00.123Z`; what no calendar holds becomes the nearest that it does."""
    moment = datetime.fromtimestamp(min(max(0.0, seconds), _LAST_SECOND), UTC)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def _instance(record: Record, seen: Seen) -> dict[str, Any]:
    return {
        "id": record.who.instance,
        "status": record.status,
        "last_seen": rfc3339(seen.at),
        "registered_at": rfc3339(record.registered_at),
        "version": version_of(record),
        "load": seen.load,
        "in_flight": seen.in_flight,
        "limit": seen.limit,
    }
