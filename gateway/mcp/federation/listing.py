"""The federation's lists as responses: a page is a join of bytes that are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from mcp_types import SERVER_INFO_META_KEY

from gateway.mcp.federation.paging import Group, Limits, cut, read, written
from gateway.mcp.upstream import UpstreamAnswer, UpstreamRequest

TTL_MS = 1_000
"""How long a client may take a list for true: as long as a change may take to be announced."""
CACHE_SCOPE = "private"
"""What a list holds may come to depend on who asks."""
CACHED: Mapping[str, Any] = {"ttlMs": TTL_MS, "cacheScope": CACHE_SCOPE}


def page_answer(
    request: UpstreamRequest, field: str, groups: Sequence[Group], limits: Limits, *, info: Mapping[str, Any]
) -> UpstreamAnswer:
    """The page of a list that the request's cursor names. Raises InvalidRequest for a cursor of something else."""
    page = cut(groups, read(field, request.params.get("cursor")), limits)
    more = {} if page.next is None else {"nextCursor": written(field, page.next)}
    rest = orjson.dumps({**more, **CACHED, **complete(info)})
    head = b'{"jsonrpc":"2.0","id":%s,"result":{"%s":[' % (orjson.dumps(request.message["id"]), field.encode())
    return UpstreamAnswer(head + b",".join(page.items) + b"]," + rest[1:] + b"}")


def complete(info: Mapping[str, Any]) -> dict[str, Any]:
    """What every result says beside its own."""
    return {"resultType": "complete", "_meta": {SERVER_INFO_META_KEY: info}}
