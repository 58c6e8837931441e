"""Questions to the directory, each bounded so that a client of a bus that is away learns of it within a second."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bus import Federation
from bus.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The directory, asked with JSON bytes."""

    federation: Federation
    timeout: float
    """Seconds an answer may take."""

    async def ask(self, verb: str, body: bytes = b"{}") -> bytes:
        """The reply, untouched. Raises Disconnected (no bus), DirectoryAway (a bus, no directory), or the refusal."""
        return await self.federation.ask_bytes(verb, body, timeout=self.timeout)

    async def every(self, verb: str, query: Mapping[str, Any], at_once: int) -> AsyncIterator[dict[str, Any]]:
        """Every member of all pages of `servers` or `search`, `at_once` a page; fewer where a page is too large.

        Raises as `ask`.
        """
        start, limit = 0, at_once
        while True:
            asked = {**query, "page": start // limit + 1, "limit": limit}
            try:
                page = orjson.loads(await self.ask(verb, orjson.dumps(asked)))
            except TooLarge:
                if limit == 1:
                    raise
                limit //= 2
                continue
            for manifest in page["servers"]:
                yield manifest
            if page["next_page"] is None:
                return
            start += limit

    async def member_bytes(self, member: str) -> bytes:
        """A member's manifest as it came. Raises UnknownMember."""
        return await self.ask("server", orjson.dumps({"id": member}))

    async def member(self, member: str) -> dict[str, Any]:
        """A member's manifest. Raises UnknownMember."""
        manifest: dict[str, Any] = orjson.loads(await self.member_bytes(member))
        return manifest
