"""`join`: MCP servers that exist become members: a command, a URL, or all of a client's configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter

from bus.names import checked_member
from members.adapters import Described, HttpTarget, Joined, StdioTarget, Target, Unusable
from members.adapters.clientfile import read_servers
from members.adapters.targets import checked_url, checked_value, child_environment, header_from_variable
from omega.cli.errors import naming_errors
from omega.cli.output import note
from omega.cli.reach import Reach
from omega.processes.join import serve_joined
from omega.processes.life import serve, set_up_logs
from omega.trouble import WrongUse

Many = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)]
_DEFAULT_REACH = Reach()


def join(
    id: str | None = None,
    /,
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    url: str | None = None,
    config: str | None = None,
    header_env: Many = (),
    token_file: str | None = None,
    env: Many = (),
    cwd: str | None = None,
    tag: Many = (),
    capability: Many = (),
    reach: Reach = _DEFAULT_REACH,
) -> None:
    """Join an MCP server that exists: a command, a URL, or a client's configuration.

    omega join ID -- COMMAND …; omega join ID --url URL; omega join --config FILE. It is a member while this runs:
    started again when it ends, gone from the directory while it is away. SIGTERM or Ctrl-C ends it with everything it
    started. Secrets are named, never written on the command line.

    Parameters
    ----------
    id
        The member's id.
    command
        After --: the server to start, spoken to over its stdin and stdout.
    url
        A server behind a URL (streamable HTTP).
    config
        Join all servers of a client's configuration file (claude_desktop_config.json, .mcp.json); - reads stdin.
    header_env
        A header for every request, as HEADER=VARIABLE of the environment; several times for several.
    token_file
        A file with the token to send as Authorization: Bearer.
    env
        A variable of this environment that the command gets too, besides PATH, HOME and the like; NAME=VALUE sets one.
    cwd
        Directory in which the command runs.
    tag
        A tag of the member; several times for several.
    capability
        A capability of the member; several times for several.
    """
    set_up_logs(os.environ)
    if sum((bool(command), url is not None, config is not None)) != 1 or (config is None) != (id is not None):
        raise WrongUse("one of: omega join ID -- COMMAND …; omega join ID --url URL; omega join --config FILE")
    with naming_errors():
        try:
            if config is not None:
                targets = _from_file(config)
            elif url is not None:
                targets = {checked_member(id or ""): _http(url, header_env, token_file)}
            else:
                targets = {checked_member(id or ""): _stdio(command, env, cwd)}
        except Unusable as exc:
            raise WrongUse(str(exc)) from exc
        joined = [Joined(Described(name, tag, capability), target) for name, target in targets.items()]
        serve(serve_joined(joined, reach.settings()))


def _stdio(command: Sequence[str], env: Sequence[str], cwd: str | None) -> StdioTarget:
    given: dict[str, str] = {}
    for word in env:
        name, equals, value = word.partition("=")
        if not equals and name not in os.environ:
            raise Unusable(f"--env {name}: the environment has no {name}")
        given[name] = value if equals else os.environ[name]
    return StdioTarget(tuple(command), child_environment(os.environ, given), cwd)


def _http(url: str, header_env: Sequence[str], token_file: str | None) -> HttpTarget:
    headers = dict(header_from_variable(words, os.environ) for words in header_env)
    if token_file is not None:
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise Unusable(f"--token-file {token_file}: cannot be read") from exc
        headers["Authorization"] = f"Bearer {checked_value('--token-file', token)}"
    return HttpTarget(checked_url(url), headers)


def _from_file(file: str) -> dict[str, Target]:
    """The servers of a client's configuration; those that cannot be used are told and left out."""
    try:
        entries = read_servers(orjson.loads(_bytes(file)), os.environ)
    except OSError as exc:
        raise Unusable(f"{file}: {exc.strerror}") from exc
    except orjson.JSONDecodeError as exc:
        raise Unusable(f"{file} is not JSON: {exc}") from exc
    usable: dict[str, Target] = {}
    for entry in entries:
        if entry.target is None:
            note(f"{entry.id}: left out: {entry.problem}")
        else:
            usable[entry.id] = entry.target
    if not usable:
        raise Unusable(f"{file}: none of its servers can be used")
    return usable


def _bytes(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
