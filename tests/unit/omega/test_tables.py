"""What the federation answered, as tables for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from omega.cli import tables
from tests.unit.omega.rendering import drawn

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SERVER: dict[str, Any] = {
    "id": "code_analyzer_fastmcp",
    "name": "Code Analyzer",
    "description": "Measures repositories. And more.",
    "version": "1.0.0",
    "capabilities": ["code_analysis", "security_scan"],
    "tags": ["code", "analysis"],
    "endpoints": {"mcp": "http://127.0.0.1:9501/mcp"},
    "status": "active",
    "signed": False,
    "registered_at": "2026-11-22T11:00:00Z",
    "last_seen": "2026-11-22T11:59:58Z",
    "instances": [
        {"id": "one", "status": "active", "last_seen": "2026-11-22T11:59:58Z", "in_flight": 2, "limit": 8},
    ],
    "tools": [
        {"name": "analyze", "description": "Analyses.", "inputSchema": {"properties": {"url": {"type": "string"}}}},
    ],
}  # fmt: skip


def reply(*servers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"servers": list(servers), "total": len(servers), "page": 1, "limit": 100, "next_page": None, **more}


def test_a_list_has_one_line_a_member() -> None:
    lines = drawn(tables.servers(reply(SERVER))).splitlines()
    assert lines[0].split() == ["ID", "STATUS", "VERSION", "COPIES", "TOOLS", "TAGS", "DESCRIPTION"]
    assert lines[2].split()[:5] == ["code_analyzer_fastmcp", "active", "1.0.0", "1", "1"]
    assert "code, analysis" in lines[2]
    assert lines[-1].strip() == "1 member"


def test_an_id_is_never_cut_because_people_copy_it() -> None:
    assert "code_analyzer_fastmcp" in drawn(tables.servers(reply(SERVER)), width=60)


def test_nobody_is_an_answer() -> None:
    assert drawn(tables.servers(reply())).strip() == "nobody"


def test_a_page_says_how_to_go_on() -> None:
    text = drawn(tables.servers(reply(SERVER, total=250, next_page=2)))
    assert "1 of 250 members, page 1; --page 2 goes on" in text


def test_the_last_page_does_not() -> None:
    assert tables.page_note(reply(SERVER, total=250, page=3)) == "1 of 250 members, page 3"


def test_one_member_is_shown_whole() -> None:
    text = drawn(tables.member(SERVER, NOW))
    for words in ("Code Analyzer", "active", "code_analysis, security_scan", "registered    1h00m ago", "2 of 8",
                  "last seen     2s ago", "http://127.0.0.1:9501/mcp", "analyze(url?: string)"):  # fmt: skip
        assert words in text


def test_a_member_that_says_next_to_nothing_is_shown_too() -> None:
    assert "bare" in drawn(tables.member({"id": "bare"}, NOW))


@pytest.mark.parametrize("field", ["name", "description", "version"])
def test_a_strangers_words_are_only_words(field: str) -> None:
    text = drawn(tables.member({**SERVER, field: "[bold]x[/bold]\x1b[2J"}, NOW))
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text
