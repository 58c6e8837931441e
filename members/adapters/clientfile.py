"""The servers that a client's configuration file names: `claude_desktop_config.json`, `.mcp.json`, `mcp.json`. Pure.

Each server is read for itself: one that cannot be used takes nothing from the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from members.adapters.targets import HttpTarget, StdioTarget, Target, Unusable, checked_url, checked_value
from members.adapters.targets import child_environment as given_environment

LISTS = ("mcpServers", "servers")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NOT_ID = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One server of the file: what to join, or why it cannot be."""

    id: str
    """Its name in the file, as a member id."""
    target: Target | None
    problem: str = ""


def read_servers(document: Any, environment: Mapping[str, str]) -> list[Entry]:
    """The servers of a decoded file. `${NAME}` and `${NAME:-default}` are taken from `environment`.

    Raises Unusable when the file names no servers at all.
    """
    listed = next((document[key] for key in LISTS if key in document), None) if isinstance(document, dict) else None
    if not isinstance(listed, dict) or not listed:
        raise Unusable(f"no servers in it: an object {LISTS[0]!r} with one server or more")
    entries: list[Entry] = []
    for name, described in listed.items():
        entries.append(_entry(str(name), described, environment, taken={entry.id for entry in entries}))
    return entries


def _entry(name: str, described: Any, environment: Mapping[str, str], *, taken: set[str]) -> Entry:
    id = _NOT_ID.sub("-", name).strip("-")[:64] or "server"
    if id in taken:
        return Entry(id, None, f"{name!r}: another server of this file has the id {id!r}")
    try:
        return Entry(id, _target(described, environment))
    except Unusable as exc:
        return Entry(id, None, str(exc))


def _target(described: Any, environment: Mapping[str, str]) -> Target:
    if not isinstance(described, Mapping):
        raise Unusable("not an object")
    if described.get("type") == "sse":
        raise Unusable("type sse: HTTP with SSE was replaced by streamable HTTP in 2025; use the server's /mcp URL")
    if "url" in described:
        headers = _strings(described, "headers", environment)
        checked = {name: checked_value(f"headers.{name}", value) for name, value in headers.items()}
        return HttpTarget(checked_url(_expanded("url", described["url"], environment)), checked)
    if "command" not in described:
        raise Unusable("neither command nor url")
    return _stdio(described, environment)


def _stdio(described: Mapping[str, Any], environment: Mapping[str, str]) -> StdioTarget:
    words = [described["command"], *(described.get("args") or [])]
    command = tuple(_expanded("args", word, environment) for word in words)
    directory = described.get("cwd")
    return StdioTarget(
        command,
        given_environment(environment, _strings(described, "env", environment)),
        _expanded("cwd", directory, environment) if directory is not None else None,
    )


def _strings(described: Mapping[str, Any], field: str, environment: Mapping[str, str]) -> dict[str, str]:
    given = described.get(field) or {}
    if not isinstance(given, Mapping):
        raise Unusable(f"{field}: an object of strings")
    return {str(name): _expanded(f"{field}.{name}", value, environment) for name, value in given.items()}


def _expanded(field: str, value: Any, environment: Mapping[str, str]) -> str:
    """`value` with its variables. Raises Unusable, which names the field and never its value."""
    if not isinstance(value, str):
        raise Unusable(f"{field}: a string")

    def known(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        found = environment.get(name, default)
        if found is None:
            raise Unusable(f"{field}: the environment has no {name}")
        return found

    return _VARIABLE.sub(known, value)
