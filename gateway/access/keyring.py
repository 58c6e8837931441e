"""The API keys a gateway knows, in memory, by hash: a look-up is quick, and tells nothing by its time."""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.access import Principal
from bus.apikeys import KeyRecord, hashed
from bus.errors import FederationError, Unauthenticated
from bus.keystore import read_key
from bus.kv import Entry
from gateway.access.facts import Facts
from gateway.access.proofs import Proof


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key with whom it stands for."""

    record: KeyRecord
    principal: Principal
    revision: int


@dataclass(slots=True)
class ApiKeyring:
    """What the store said last. It is also the way in for those who hold a key."""

    known: dict[str, KnownKey] = field(default_factory=dict)
    last: int = 0
    """The newest revision of the store that is in it."""

    def take(self, entry: Entry) -> None:
        """Learn of a write. An older one than what is known changes nothing."""
        before = self.known.get(entry.key)
        self.last = max(self.last, entry.revision)
        if before is not None and before.revision >= entry.revision:
            return
        record = read_key(entry)
        if record is None:
            self.known.pop(entry.key, None)
        else:
            self.known[entry.key] = KnownKey(record, record.principal(), entry.revision)

    def clear(self) -> None:
        """Forget everything: the store is another one."""
        self.known.clear()
        self.last = 0

    async def prove(self, facts: Facts) -> Proof | None:
        """Whose key was shown."""
        if facts.key is None:
            return None
        # Found by a hash of 256 random bits: how long that takes says nothing of any key.
        digest = hashed(facts.key)
        known = self.known.get(digest)
        if known is None or not known.record.holds(facts.now):
            raise refusal(known, facts.now)

        def same(now: float) -> bool:
            """Nothing was written about the key since, so only its time can be over."""
            return self.known.get(digest) is known and (ends is None or now < ends)

        ends = known.record.expires
        return Proof(known.principal, lambda now: self._holds(digest, now), same)

    def _holds(self, digest: str, now: float) -> bool:
        known = self.known.get(digest)
        return known is not None and known.record.holds(now)


def refusal(known: KnownKey | None, now: float) -> FederationError:
    """Why a key opens nothing."""
    state = "unknown" if known is None else known.record.state(now)
    return Unauthenticated(f"this API key opens nothing: it is {state}")
