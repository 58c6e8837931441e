"""A client's configuration file names servers, as several clients write it."""

from __future__ import annotations

from typing import Any

import pytest

from members.adapters.clientfile import read_servers
from members.adapters.targets import HttpTarget, StdioTarget, Unusable

ENVIRONMENT = {"PATH": "/bin", "HOME": "/home/a", "TOKEN": "secret", "OTHER": "not for children"}


def one(described: Any) -> Any:
    return read_servers({"mcpServers": {"a": described}}, ENVIRONMENT)[0]


def test_a_command_gets_its_arguments_and_a_safe_environment() -> None:
    target = one({"command": "npx", "args": ["-y", "x"], "env": {"KEY": "1"}, "cwd": "/tmp"}).target
    assert target == StdioTarget(("npx", "-y", "x"), {"PATH": "/bin", "HOME": "/home/a", "KEY": "1"}, "/tmp")


def test_a_url_gets_its_headers() -> None:
    target = one({"type": "http", "url": "https://h/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}}).target
    assert target == HttpTarget("https://h/mcp", {"Authorization": "Bearer secret"})
    assert "secret" not in repr(target)


def test_variables_are_taken_from_the_environment_or_their_default() -> None:
    assert one({"command": "${SHELL_OF_MINE:-sh}", "args": ["${HOME}/x"]}).target.command == ("sh", "/home/a/x")


def test_the_other_clients_name_for_the_list_is_read_too() -> None:
    assert read_servers({"servers": {"a": {"command": "x"}}}, {})[0].id == "a"


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        ({"type": "sse", "url": "https://h/sse"}, "streamable HTTP"),
        ({"url": "ftp://h/"}, "http"),
        ({"url": "https://a:b@h/"}, "credentials"),
        ({"command": "x", "args": [1]}, "string"),
        ({"command": "x", "env": ["A=1"]}, "env"),
        ({"command": "${MISSING}"}, "MISSING"),
        ({"url": "https://h/", "headers": {"X": "a\nb"}}, "headers.X"),
        ({}, "neither"),
        ("x", "object"),
    ],
)
def test_a_server_that_cannot_be_used_says_why_and_takes_nothing_from_the_others(described: Any, problem: str) -> None:
    entries = read_servers({"mcpServers": {"bad": described, "good": {"command": "x"}}}, ENVIRONMENT)
    assert [entry.target is None for entry in entries] == [True, False]
    assert problem in entries[0].problem


def test_names_become_ids_and_two_that_become_the_same_are_not_confused() -> None:
    entries = read_servers({"mcpServers": {"My Server": {"command": "x"}, "My.Server": {"command": "y"}}}, {})
    assert [(entry.id, entry.target is None) for entry in entries] == [("My-Server", False), ("My-Server", True)]


@pytest.mark.parametrize("document", [None, [], {}, {"mcpServers": {}}, {"mcpServers": []}])
def test_a_file_without_servers_is_refused(document: Any) -> None:
    with pytest.raises(Unusable):
        read_servers(document, {})
