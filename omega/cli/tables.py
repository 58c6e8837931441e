"""What the federation answered, as tables for people. No I/O, and no colour that carries meaning alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from omega.cli.words import STATUS_STYLES, age, first_sentence, shown, signature

Manifest = Mapping[str, Any]


def plain_table(*headers: str) -> Table:
    """A table without frames: it survives copying into a mail."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def servers(reply: Mapping[str, Any]) -> RenderableType:
    """The members of a `servers` or `search` reply, and how many there are beyond this page."""
    table = plain_table("ID", "STATUS", "VERSION", "COPIES", "TOOLS", "TAGS", "DESCRIPTION")
    for column in ("COPIES", "TOOLS"):
        table.columns[_index(table, column)].justify = "right"
    table.columns[_index(table, "ID")].no_wrap = True
    last = table.columns[-1]
    last.no_wrap, last.overflow = True, "ellipsis"
    for manifest in reply["servers"]:
        table.add_row(*_row(manifest))
    return Group(table, Text(page_note(reply), style="dim")) if reply["servers"] else Text("nobody", style="dim")


def page_note(reply: Mapping[str, Any]) -> str:
    """Which part of how many this is; empty when it is all."""
    total, shown = reply.get("total", len(reply["servers"])), len(reply["servers"])
    if total == shown:
        return f"{total} member{'s' if total != 1 else ''}"
    more = f"; --page {reply['next_page']} goes on" if reply.get("next_page") else ""
    return f"{shown} of {total} members, page {reply.get('page', 1)}{more}"


def member(manifest: Manifest, now: datetime | None = None) -> RenderableType:
    """One member whole."""
    parts: list[RenderableType] = [_head(manifest), _facts(manifest, now)]
    if manifest.get("instances"):
        parts += [Text("\nCopies", style="bold"), _instances(manifest["instances"], now)]
    if manifest.get("tools"):
        parts += [Text("\nTools", style="bold"), _tools(manifest["tools"])]
    return Group(*parts)


def _row(manifest: Manifest) -> tuple[RenderableType, ...]:
    return (
        shown(manifest["id"], "bold"),
        _status(manifest.get("status")),
        shown(manifest.get("version", "")),
        shown(len(manifest.get("instances") or [])),
        shown(len(manifest.get("tools") or [])),
        shown(", ".join(manifest.get("tags") or [])),
        shown(first_sentence(manifest.get("description") or manifest.get("name"))),
    )


def _status(status: Any) -> Text:
    return shown(status or "?", STATUS_STYLES.get(str(status), ""))


def _head(manifest: Manifest) -> Text:
    name, version = shown(manifest.get("name", manifest["id"]), "bold"), shown(manifest.get("version", ""))
    head = Text("  ").join([name, version, _status(manifest.get("status"))])
    return head.append("\n").append_text(shown(manifest.get("description") or ""))


def _facts(manifest: Manifest, now: datetime | None) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _shown_facts(manifest, now):
        if value:
            table.add_row(shown(name), shown(value))
    return table


def _shown_facts(manifest: Manifest, now: datetime | None) -> list[tuple[str, str]]:
    endpoints = manifest.get("endpoints") or {}
    return [
        ("id", str(manifest["id"])),
        ("capabilities", ", ".join(manifest.get("capabilities") or [])),
        ("tags", ", ".join(manifest.get("tags") or [])),
        ("site", str(manifest.get("site") or "")),
        ("registered", age(manifest["registered_at"], now) if manifest.get("registered_at") else ""),
        ("last seen", age(manifest["last_seen"], now) if manifest.get("last_seen") else ""),
        ("signed", "yes" if manifest.get("signed") else "no"),
        *((name, str(url)) for name, url in endpoints.items()),
    ]


def _instances(instances: Sequence[Mapping[str, Any]], now: datetime | None) -> Table:
    table = plain_table("COPY", "STATUS", "VERSION", "LAST SEEN", "IN FLIGHT")
    for instance in instances:
        limit = instance.get("limit")
        flight = f"{instance.get('in_flight', 0)}" + (f" of {limit}" if limit else "")
        seen = age(instance["last_seen"], now) if instance.get("last_seen") else ""
        status, version = _status(instance.get("status")), shown(instance.get("version", ""))
        table.add_row(shown(instance["id"]), status, version, seen, shown(flight))
    return table


def _tools(tools: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for tool in tools:
        call = shown(tool["name"], "bold").append_text(shown(f"({signature(tool)})", "not bold"))
        table.add_row(call, shown(first_sentence(tool.get("description")), "dim"))
    return table


def _index(table: Table, header: str) -> int:
    return next(number for number, column in enumerate(table.columns) if column.header == header)
