"""What is to be joined: a command or a URL, with what it is given. Values and decisions; nothing is started here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SAFE_VARIABLES = frozenset({"HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"})
"""What a child inherits. Everything else of our environment (tokens, keys) is given by name or not at all."""

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Unusable(Exception):
    """What was to be joined cannot be, however often it is tried; the message says why."""


@dataclass(frozen=True, slots=True)
class StdioTarget:
    """A server that is started as a child and spoken to over its stdin and stdout."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All of it. Not shown: it may hold secrets."""
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A server behind a URL (streamable HTTP, either era)."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request. Not shown: they may hold secrets."""


Target = StdioTarget | HttpTarget


def child_environment(own: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: the safe part of `own`, then what was `given` for it."""
    return {name: value for name, value in own.items() if name in SAFE_VARIABLES} | dict(given)


def header_from_variable(words: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The header that `NAME=VARIABLE` means. Raises Unusable, which never repeats a value."""
    name, equals, variable = words.partition("=")
    if not equals or not _HEADER.fullmatch(name) or not variable:
        raise Unusable(f"--header-env {words[:80]}: HEADER=VARIABLE, such as Authorization=MY_TOKEN_HEADER")
    if variable not in environment:
        raise Unusable(f"--header-env {name}: the environment has no {variable}")
    return name, checked_value(name, environment[variable])


def checked_value(name: str, value: str) -> str:
    """`value`, when a header may hold it. Raises Unusable, which does not repeat it."""
    if not value.isprintable() or not value.isascii():
        raise Unusable(f"{name}: the value holds characters that a header cannot carry")
    return value


def checked_url(url: str) -> str:
    """`url`, when it may be an MCP endpoint. Raises Unusable."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise Unusable("url: its host or port cannot be read") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unusable("url: http:// or https://, then a host")
    if parts.username is not None or parts.password is not None:
        raise Unusable("url: it carries credentials; give them by --header-env or --token-file")
    return url
