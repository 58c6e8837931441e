"""Where a member that lives on the bus alone is reached over HTTP: written into its `endpoints` on the way out.

The directory does not know which gateways exist, and two gateways have two addresses, so this is not stored. A member
that announced an `endpoints.mcp` of its own keeps all of its endpoints as they are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MEMO_ENTRIES = 64
MEMO_MAX_BYTES = 512 * 1024
"""A reply larger than this is not remembered, so that the memo holds 32 MB twice at the worst."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The public face: the base URL, and the doors that may be named (member → URL)."""

    base: str
    doors: Mapping[str, str] = field(default_factory=dict)

    def of(self, member: str) -> dict[str, str]:
        """`mcp` and `health` of a member that has none of its own."""
        root = self.doors.get(member) or f"{self.base}/servers/{member}"
        return {"mcp": f"{root}/mcp", "health": f"{root}/health"}

    def fill(self, manifest: dict[str, Any]) -> None:
        """Give `manifest` the endpoints it lacks, unless it has its own `mcp`."""
        own = manifest.get("endpoints") or {}
        if "mcp" not in own:
            manifest["endpoints"] = {**self.of(manifest["id"]), **own}

    def fill_page(self, reply: bytes) -> bytes:
        """A `servers` or `search` reply with every member's endpoints filled."""
        page = orjson.loads(reply)
        for manifest in page["servers"]:
            self.fill(manifest)
        return orjson.dumps(page)

    def fill_member(self, reply: bytes) -> bytes:
        """A `server` reply with the endpoints filled."""
        manifest = orjson.loads(reply)
        self.fill(manifest)
        return orjson.dumps(manifest)


class Memo:
    """A pure function of bytes with its last results kept: most replies of a directory repeat between two changes."""

    def __init__(self, function: Callable[[bytes], bytes]) -> None:
        self._function = function
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()

    def __call__(self, data: bytes) -> bytes:
        known = self._kept.get(data)
        if known is not None:
            self._kept.move_to_end(data)
            return known
        result = self._function(data)
        if len(data) <= MEMO_MAX_BYTES:
            self._keep(data, result)
        return result

    def _keep(self, data: bytes, result: bytes) -> None:
        self._kept[data] = result
        if len(self._kept) > MEMO_ENTRIES:
            self._kept.popitem(last=False)
