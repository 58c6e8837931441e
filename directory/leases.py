"""Who was heard when: each replica's own memory of heartbeats. Never stored, never sent."""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import dataclass, replace

from bus.subjects import Instance


@dataclass(frozen=True, slots=True)
class Seen:
    """The last sign of life of an instance."""

    at: float
    """Unix seconds by this replica's clock."""
    load: float = 0.0
    in_flight: int = 0
    limit: int = 0


class Leases:
    """The last sign of life of every instance this replica knows. Synchronous; only for one event loop."""

    def __init__(self) -> None:
        self._seen: dict[Instance, Seen] = {}

    def renew(self, who: Instance, seen: Seen) -> None:
        """Note a sign of life."""
        self._seen[who] = seen

    def grant(self, who: Instance, now: float, *, anew: bool = False) -> None:
        """A full lease from now for an instance never heard, and with `anew` for one that was."""
        seen = self._seen.get(who)
        if seen is None:
            self._seen[who] = Seen(now)
        elif anew:
            self._seen[who] = replace(seen, at=now)

    def restart(self, now: float) -> None:
        """A full lease from now for every instance known."""
        self._seen = {who: replace(seen, at=now) for who, seen in self._seen.items()}

    def drop(self, who: Instance) -> None:
        self._seen.pop(who, None)

    def of(self, who: Instance) -> Seen | None:
        return self._seen.get(who)

    def instances(self) -> KeysView[Instance]:
        """Everybody with a lease."""
        return self._seen.keys()

    def __len__(self) -> int:
        return len(self._seen)
