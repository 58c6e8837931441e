"""`watch`: the audit trail as it happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from omega.cli.options import Json
from omega.cli.output import note, show, show_json_line
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
}

_TOLD = ("kind", "member", "instance", "at")
_DEFAULT_REACH = Reach()


async def watch(*, kind: str = "*", member: str = "*", json: Json = False, reach: Reach = _DEFAULT_REACH) -> None:
    """Show who comes and goes, as it happens.

    Parameters
    ----------
    kind
        Only events of this kind: registered, updated, stale, active, left, expired, rejected.
    member
        Only events of this member.
    """
    async with reach.federation() as federation:
        note("watching; Ctrl-C ends")
        async for event in federation.events(kind, member):
            if json:
                show_json_line(event)
            else:
                show(event_line(event))


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
