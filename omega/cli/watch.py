"""`watch`: the audit trail as it happens, and before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from bus import Federation
from bus.past import events_since
from omega.cli.audit import AUDIT, audit_line, seconds_in
from omega.cli.options import Json
from omega.cli.output import as_json, note, show, show_json_line
from omega.cli.reach import Reach
from omega.cli.words import shown

KIND_STYLES = {
    "registered": "green",
    "active": "green",
    "updated": "cyan",
    "stale": "yellow",
    "left": "dim",
    "expired": "red",
    "rejected": "bold red",
    "call-denied": "bold red",
    "access-denied": "bold red",
    "owner-changed": "cyan",
    "tool-changed": "cyan",
    "trust-changed": "cyan",
}

_TOLD = ("kind", "member", "instance", "at")
_DEFAULT_REACH = Reach()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are shown."""

    kind: str
    member: str
    audit: bool

    def holds(self, event: Mapping[str, Any]) -> bool:
        kind, member = event.get("kind"), event.get("member")
        return self.kind in ("*", kind) and self.member in ("*", member) and (not self.audit or str(kind) in AUDIT)


async def watch(
    *,
    kind: str = "*",
    member: str = "*",
    audit: bool = False,
    since: str | None = None,
    json: Json = False,
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Show who comes and goes, as it happens.

    Parameters
    ----------
    kind
        Only events of this kind: registered, updated, stale, active, left, expired, rejected.
    member
        Only events of this member.
    audit
        Only what was refused (rejected, call-denied, access-denied) and what changed in whom is believed
        (owner-changed, tool-changed, trust-changed).
    since
        Also what happened so long before: 90s, 30m, 1h, 7d. Events are kept for seven days.
    """
    wanted = Wanted(kind, member, audit)
    begin = time.time() - seconds_in(since) if since is not None else None
    async with reach.federation() as federation:
        note("watching; Ctrl-C ends")
        async for event in _told(federation, wanted, begin):
            if json:
                show_json_line(event)
            else:
                show(audit_line(event) if audit else event_line(event))


async def _told(federation: Federation, wanted: Wanted, begin: float | None) -> AsyncIterator[dict[str, Any]]:
    """The events from `begin` on, each once: listened for before the past is read, so that none falls in between."""
    live = federation.events(wanted.kind, wanted.member)
    coming = asyncio.ensure_future(anext(live))
    seen: set[str] = set()
    try:
        if begin is not None:
            await federation.bus.flush()
            async for event in events_since(federation.bus, begin):
                seen.add(as_json(event))
                if wanted.holds(event):
                    yield event
        while True:
            event = await coming
            coming = asyncio.ensure_future(anext(live))
            if wanted.holds(event) and as_json(event) not in seen:
                yield event
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def event_line(event: Mapping[str, Any]) -> Text:
    """One event on one line: when, what, who, and what else it says."""
    kind = str(event.get("kind", "?"))
    who = f"{event.get('member', '')}" + (f"/{event['instance']}" if event.get("instance") else "")
    more = "  ".join(f"{name}={value}" for name, value in event.items() if name not in _TOLD)
    clock = str(event.get("at", ""))[11:19]
    parts = [
        shown(clock, "dim"),
        shown(f"{kind:<11}", KIND_STYLES.get(kind, "")),
        shown(who, "bold"),
        shown(more, "dim"),
    ]
    return Text("  ").join(parts)
