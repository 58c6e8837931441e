"""`omega join` as a person uses it: a command, a URL, a client's configuration file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.http_servers import http_server
from tests.support.omega import Omega
from tests.support.strangers import node_server

pytestmark = pytest.mark.timeout(240)


@contextmanager
def joining(omega: Omega, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`omega join` at work; ended when the block ends."""
    with log_of(omega).open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "omega", "join", *arguments],
            env={**omega.environment, **environment},
            cwd=omega.directory,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def log_of(omega: Omega) -> Path:
    return omega.directory / "join.log"


def members(omega: Omega) -> set[str]:
    return {manifest["id"] for manifest in omega("ls", "--json").json["servers"]}


def wait_for(omega: Omega, *ids: str) -> None:
    give_up = time.monotonic() + 60
    while not set(ids) <= members(omega):
        assert time.monotonic() < give_up, f"only {members(omega)}"


def test_a_command_is_joined_called_and_gone_with_everything_it_started(federation_up: Omega) -> None:
    with joining(federation_up, "everything", "--tag", "demo", "--", *node_server("everything", "stdio")) as process:
        wait_for(federation_up, "everything")
        told = federation_up("call", "everything", "echo", "message=hello", "--json")
        assert told.code == 0, told.err
        assert "hello" in told.out
        shown = federation_up("show", "everything", "--json").json
        assert shown["tags"] == ["demo"]
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert "everything" not in members(federation_up)


def test_children_die_with_a_killed_process(federation_up: Omega) -> None:
    with joining(federation_up, "everything", "--", *node_server("everything", "stdio")) as process:
        wait_for(federation_up, "everything")
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive


def test_all_servers_of_a_clients_configuration_are_joined_and_a_bad_one_harms_no_other(
    federation_up: Omega, tmp_path: Path
) -> None:
    command, *arguments = node_server("everything", "stdio")
    with http_server("modern") as server:
        servers = {
            "Every Thing": {"command": command, "args": arguments, "env": {"A": "${GIVEN}"}},
            "remote": {"type": "http", "url": server.url},
            "old": {"type": "sse", "url": "http://127.0.0.1:9/sse"},
            "broken": {"command": sys.executable, "args": ["-c", "raise SystemExit(3)"]},
            "missing": {"command": "no-such-program-here"},
        }
        file = tmp_path / "claude_desktop_config.json"
        file.write_text(json.dumps({"mcpServers": servers}))
        with joining(federation_up, "--config", str(file), GIVEN="yes"):
            wait_for(federation_up, "Every-Thing", "remote")
            told = federation_up("call", "remote", "add", "a=1", "b=2", "--json")
            assert told.json == {"result": 3}
            assert "broken" not in members(federation_up)


def test_a_program_that_is_not_there_is_told_at_once(federation_up: Omega) -> None:
    told = federation_up("join", "nothing", "--", "no-such-program-here")
    assert told.code == 1
    assert "no-such-program-here" in told.err


def test_what_cannot_be_meant_is_refused(omega: Omega) -> None:
    for words in ((), ("a",), ("--url", "http://127.0.0.1:1/mcp"), ("a", "--url", "ftp://host/mcp")):
        assert omega("join", *words).code == 2, words
    told = omega("join", "a", "--url", "http://127.0.0.1:1/mcp", "--header-env", "X-Key=NOT_THERE_AT_ALL")
    assert (told.code, "NOT_THERE_AT_ALL" in told.err) == (2, True)


def test_a_secret_never_shows_in_the_log_or_the_process_list(federation_up: Omega, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("very-secret-token\n")
    with http_server("modern") as server:
        arguments = ("remote", "--url", server.url, "--token-file", str(token), "--header-env", "X-Key=MY_KEY")
        with joining(federation_up, *arguments, MY_KEY="other-secret", OMEGA_LOG_LEVEL="debug") as process:
            wait_for(federation_up, "remote")
            shown = " ".join(psutil.Process(process.pid).cmdline())
        for secret in ("very-secret-token", "other-secret"):
            assert secret not in log_of(federation_up).read_text() + shown
