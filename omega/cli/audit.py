"""The part of the trail that is about trust: what was refused, and what changed in whom is believed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from bus.messages import EventKind
from omega.cli.words import shown
from omega.trouble import WrongUse

AUDIT = frozenset(
    kind.value
    for kind in (
        EventKind.REJECTED,
        EventKind.CALL_DENIED,
        EventKind.ACCESS_DENIED,
        EventKind.OWNER_CHANGED,
        EventKind.TOOL_CHANGED,
        EventKind.TRUST_CHANGED,
    )
)
CHANGES = frozenset({EventKind.OWNER_CHANGED.value, EventKind.TOOL_CHANGED.value, EventKind.TRUST_CHANGED.value})

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_WHERE = ("path", "subject", "tool", "method")
_TOLD = frozenset({"kind", "member", "instance", "at", "source", "caller", "code", "reason", *_WHERE})


def seconds_in(duration: str) -> int:
    """Seconds in `90s`, `30m`, `1h`, `7d`. Raises WrongUse."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise WrongUse(f"--since {duration[:40]}: a number and s, m, h or d, such as 1h")
    return int(found[1]) * _SECONDS[found[2]]


def audit_line(event: Mapping[str, Any]) -> Text:
    """One event of trust on one line: when, what, who to what, why, and whatever else it says."""
    kind = str(event.get("kind", "?"))
    when = str(event.get("at", ""))[:19].replace("T", " ")
    target = "/".join(str(event[name]) for name in ("member", "instance") if event.get(name))
    places = [str(event[name]) for name in _WHERE if event.get(name)]
    who = str(event.get("caller") or "somebody") if kind not in CHANGES else str(event.get("caller") or "")
    reached = " ".join(part for part in (who, "→" if who and (target or places) else "", target, *places) if part)
    more = "  ".join(f"{name}={value}" for name, value in event.items() if name not in _TOLD and value is not None)
    parts = [
        shown(when, "dim"),
        shown(f"{kind:<13}", "cyan" if kind in CHANGES else "bold red"),
        shown(reached, "bold"),
        shown(_why(event)),
        shown(more, "dim"),
    ]
    return Text("  ").join(part for part in parts if part.plain)


def _why(event: Mapping[str, Any]) -> str:
    code, reason = str(event.get("code") or ""), str(event.get("reason") or "")
    return f"{reason} ({code})" if reason and code else reason or code
