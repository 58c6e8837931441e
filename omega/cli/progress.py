"""What a tool tells while it works (MCP notifications), as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omega.cli.printable import printable


def told(notification: Mapping[str, Any]) -> str:
    """One line for a progress or log notification; empty for any other."""
    params = notification.get("params")
    if not isinstance(params, Mapping):
        return ""
    match notification.get("method"):
        case "notifications/progress":
            return printable(f"{_share(params)}  {params.get('message') or ''}".rstrip())
        case "notifications/message":
            return printable(f"{params.get('level', 'info'):>7}  {params.get('data', '')}")
        case _:
            return ""


def _share(params: Mapping[str, Any]) -> str:
    done, total = params.get("progress", 0), params.get("total")
    if isinstance(total, int | float) and total > 0 and isinstance(done, int | float):
        return f"{min(100, 100 * done / total):6.0f}%"
    return f"{done:>7}"
