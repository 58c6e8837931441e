"""The registries of several sites as one: which record of an instance counts, and what a cut link makes of it.

Each site decides about its own members. Here nothing is decided but what to show: of an instance that two sites know,
the living one, and of two living ones the one that began last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bus.messages import Status
from bus.subjects import Instance
from directory.record import Record


class Sites:
    """What each site holds, by its name. Synchronous; every change returns the instances it may have changed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._held: dict[str, dict[Instance, Record]] = {name: {} for name in names}
        self._away: set[str] = set()

    @property
    def away(self) -> frozenset[str]:
        """The sites that are cut off."""
        return frozenset(self._away)

    def instances_of(self, site: str) -> int:
        """How many live instances a site has, or had when it was last seen."""
        return len(self._held[site])

    def hold(self, site: str, who: Instance, record: Record | None) -> set[Instance]:
        """The site's record of `who`; None, or a tombstone: it has none."""
        if record is not None and record.live:
            self._held[site][who] = _named(record, site)
        else:
            self._held[site].pop(who, None)
        return {who}

    def hold_exactly(self, site: str, records: Iterable[Record]) -> set[Instance]:
        """The site has these records and no others."""
        before = self._held[site]
        self._held[site] = {record.who: _named(record, site) for record in records if record.live}
        return before.keys() | self._held[site].keys()

    def set_away(self, site: str, away: bool) -> set[Instance]:
        """The site is cut off, or is there again."""
        if away is (site in self._away):
            return set()
        (self._away.add if away else self._away.discard)(site)
        return set(self._held[site])

    def shown(self, who: Instance) -> Record | None:
        """What is shown of `who`; None where no site has it. Of a site that is cut off nobody is known to live."""
        found = [self._seen_from_here(site, held[who]) for site, held in self._held.items() if who in held]
        return max(found, key=lambda record: (record.status is Status.ACTIVE, record.epoch), default=None)

    def _seen_from_here(self, site: str, record: Record) -> Record:
        return replace(record, status=Status.STALE) if site in self._away else record


def _named(record: Record, site: str) -> Record:
    """The record with its site in the manifest, where the member did not say it."""
    if record.manifest.get("site"):
        return record
    return replace(record, manifest={**record.manifest, "site": site})
