"""Small pieces of text that several commands show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from omega.cli.printable import printable
from omega.state import Phase

PHASE_STYLES = {
    Phase.WAITING: "dim",
    Phase.STARTING: "cyan",
    Phase.READY: "green",
    Phase.RESTARTING: "yellow",
    Phase.FAILED: "bold red",
    Phase.NOT_INSTALLED: "dim",
    Phase.STOPPING: "yellow",
    Phase.STOPPED: "dim",
}

STATUS_STYLES = {"active": "green", "stale": "yellow"}

LEVEL_STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "red", "critical": "bold red"}


def shown(value: Any, style: str = "") -> Text:
    """`value` as text that is nothing but text: no markup, and no control character a stranger's words may hold."""
    return Text(printable(str(value)), style=style)


def duration(seconds: float) -> str:
    """`seconds` as people say it: 7s, 3m05s, 2h07m, 4d03h."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def age(stamp: Any, now: datetime | None = None) -> str:
    """How long ago an RFC 3339 `stamp` was; itself when it is not one."""
    try:
        then = datetime.fromisoformat(str(stamp))
    except ValueError:
        return str(stamp)
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return f"{duration(((now or datetime.now(UTC)) - then).total_seconds())} ago"


def first_sentence(text: Any) -> str:
    """The first sentence of a description, however its lines were broken."""
    paragraph = " ".join(str(text or "").strip().partition("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + stop.strip()


def signature(tool: Mapping[str, Any]) -> str:
    """A tool's arguments as people write them: `repo_url: string, depth?: integer`."""
    schema = tool.get("inputSchema") or {}
    required = schema.get("required") or []
    properties = schema.get("properties") or {}
    return ", ".join(
        f"{name}{'' if name in required else '?'}: {_kind(described)}" for name, described in properties.items()
    )


def _kind(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return "|".join(str(value) for value in schema["enum"][:6])
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return "|".join(dict.fromkeys(_kind(branch) for branch in branches))
    kind = schema.get("type", "any")
    return "|".join(kind) if isinstance(kind, list) else str(kind)
