"""The directory as one caller may see it: whole for most; for one with narrowed scopes, read through and filtered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bus.access import Right, Scopes
from bus.errors import UnknownMember
from bus.messages import DEFAULT_LIMIT
from gateway.access.enforcement import unknown
from gateway.inquiry import Inquiry

AT_ONCE = 128
"""Members asked for at once; fewer where their manifests are larger than a message."""

Query = dict[str, Any]
Wanted = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Visible:
    """Questions to the directory on behalf of a caller."""

    inquiry: Inquiry

    async def page(self, verb: str, query: Query, scopes: Scopes, wanted: Wanted | None = None) -> bytes:
        """A `servers` or `search` reply with what `scopes` see, and of that what is `wanted`."""
        if wanted is None and sees_all(scopes):
            return await self.inquiry.ask(verb, orjson.dumps(query))
        seen = [
            manifest
            async for manifest in self.inquiry.every(verb, query, AT_ONCE)
            if scopes.may_see(manifest["id"], manifest.get("tags") or ()) and (wanted is None or wanted(manifest))
        ]
        return orjson.dumps(cut(seen, int(query.get("page", 1)), int(query.get("limit", DEFAULT_LIMIT))))

    async def member(self, member: str, scopes: Scopes) -> bytes:
        """One manifest. Raises UnknownMember, for one that is hidden as for one that is not there."""
        if sees_all(scopes):
            return await self.inquiry.member_bytes(member)
        try:
            reply = await self.inquiry.member_bytes(member)
        except UnknownMember as exc:
            raise unknown(member) from exc
        if not scopes.may_see(member, orjson.loads(reply).get("tags") or ()):
            raise unknown(member)
        return reply

    async def tags(self, query: Query, scopes: Scopes) -> bytes:
        """A `tags` reply about the members that are seen."""
        if sees_all(scopes):
            return await self.inquiry.ask("tags", orjson.dumps(query))
        counts: Counter[str] = Counter()
        async for manifest in self.inquiry.every("servers", query, AT_ONCE):
            tags = manifest.get("tags") or ()
            if scopes.may_see(manifest["id"], tags):
                counts.update(tags)
        ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        return orjson.dumps({"tags": [{"tag": tag, "count": count} for tag, count in ordered]})


def sees_all(scopes: Scopes) -> bool:
    """Whether no member is hidden."""
    return Right.DISCOVER in scopes.whole or Right.CALL in scopes.whole


def cut(servers: list[dict[str, Any]], page: int, limit: int) -> dict[str, Any]:
    """One page of a list, in the directory's own form."""
    start = (page - 1) * limit
    more = start + limit < len(servers)
    return {
        "servers": servers[start : start + limit],
        "total": len(servers),
        "page": page,
        "limit": limit,
        "next_page": page + 1 if more else None,
    }
