"""Questions to the directory, each bounded so that a client of a bus that is away learns of it within a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bus import Federation
from bus.errors import DirectoryAway, Disconnected


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The directory, asked with JSON bytes."""

    federation: Federation
    timeout: float
    """Seconds an answer may take."""

    async def ask(self, verb: str, body: bytes = b"{}") -> bytes:
        """The reply, untouched. Raises Disconnected (no bus), DirectoryAway (a bus, no directory), or the refusal."""
        try:
            return await self.federation.ask_bytes(verb, body, timeout=self.timeout)
        except DirectoryAway:
            if not self.federation.bus.connected:
                raise Disconnected() from None
            raise

    async def member_bytes(self, member: str) -> bytes:
        """A member's manifest as it came. Raises UnknownMember."""
        return await self.ask("server", orjson.dumps({"id": member}))

    async def member(self, member: str) -> dict[str, Any]:
        """A member's manifest. Raises UnknownMember."""
        manifest: dict[str, Any] = orjson.loads(await self.member_bytes(member))
        return manifest
