"""Integration tests against a running stack: the documented walk, over HTTP, with nothing but the standard library.

python ops/smoke.py [BASE_URL]; without one the federation of this machine is asked, else http://127.0.0.1:9405.
Exit code 1: something is not as documented.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMEOUT_S = 30
DIRECTORY = "/mcp/resources/omega/directory"
ANALYZER = "code_analyzer_fastmcp"

Check = Callable[["Stack"], None]


class Stack:
    """A federation's HTTP face. Methods raise AssertionError when it does not answer as documented."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self.guest = f"smoke_{secrets.token_hex(4)}"
        """Id of a member that these tests register and withdraw again."""

    def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The JSON answer to one request, whose status must be `expect`."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        status, text = _send(request)
        assert status == expect, f"{method} {path}: {status} instead of {expect}: {text[:200]}"
        return json.loads(text) if text else None

    def ids(self, path: str) -> set[str]:
        """The ids of a list of members."""
        return {server["id"] for server in self.ask("GET", path)["servers"]}


def it_is_healthy(stack: Stack) -> None:
    assert stack.ask("GET", "/health")["status"] == "healthy"
    stack.ask("GET", "/health/ready")


def it_lists_its_members(stack: Stack) -> None:
    stack.ids(f"{DIRECTORY}/servers")


def it_describes_itself(stack: Stack) -> None:
    assert stack.ask("GET", "/openapi.json")["openapi"].startswith("3.1")


def a_search_without_a_match_is_an_empty_list(stack: Stack) -> None:
    assert stack.ids(f"{DIRECTORY}/search?tag={stack.guest}") == set()


def a_service_registers_beats_and_withdraws(stack: Stack) -> None:
    manifest = {
        "id": stack.guest,
        "name": "Smoke",
        "version": "1.0.0",
        "capabilities": ["smoke"],
        "tags": [stack.guest],
    }
    stack.ask("POST", "/mcp/register", manifest)
    assert stack.ids(f"{DIRECTORY}/search?tag={stack.guest}") == {stack.guest}
    assert stack.ask("GET", f"{DIRECTORY}/servers/{stack.guest}")["status"] == "active"
    stack.ask("POST", "/mcp/heartbeat", {"service_id": stack.guest})
    stack.ask("DELETE", f"/mcp/unregister/{stack.guest}")
    stack.ask("GET", f"{DIRECTORY}/servers/{stack.guest}", expect=404)


def a_heartbeat_of_nobody_is_told_so(stack: Stack) -> None:
    stack.ask("POST", "/mcp/heartbeat", {"service_id": f"{stack.guest}_nobody"}, expect=404)


def the_analyzer_finds_a_hard_coded_password(stack: Stack) -> None:
    if ANALYZER not in stack.ids(f"{DIRECTORY}/search?tag=code"):
        _say(f"      (skipped: {ANALYZER} is not here)")
        return
    snippet = {"code_snippet": 'import os\npassword = "hardcoded"', "language": "python"}
    found = stack.ask("POST", f"/mcp/call/{ANALYZER}/security_scan", snippet)["vulnerabilities"]
    assert any(item["line"] == 2 for item in found), found


CHECKS: tuple[Check, ...] = (
    it_is_healthy,
    it_lists_its_members,
    it_describes_itself,
    a_search_without_a_match_is_an_empty_list,
    a_service_registers_beats_and_withdraws,
    a_heartbeat_of_nobody_is_told_so,
    the_analyzer_finds_a_hard_coded_password,
)


def main(arguments: list[str]) -> int:
    """Run every check and say how each went. Returns the exit code."""
    stack = Stack(arguments[0] if arguments else _base_url())
    _say(f"stack: {stack.base}")
    failed = [check for check in CHECKS if not _passes(check, stack)]
    _say(f"{len(CHECKS) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _passes(check: Check, stack: Stack) -> bool:
    name = check.__name__.replace("_", " ")
    try:
        check(stack)
    except (AssertionError, OSError, ValueError, KeyError) as exc:
        _say(f"FAIL  {name}: {exc}")
        return False
    _say(f"ok    {name}")
    return True


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _send(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()


def _base_url() -> str:
    """The gateway of the federation that `omega up` runs on this machine, else the documented one."""
    state_home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    home = Path(os.environ.get("OMEGA_HOME") or Path(state_home) / "omega")
    try:
        return str(json.loads((home / "run" / "state.json").read_text())["gateway_url"])
    except (OSError, ValueError, KeyError):
        return "http://127.0.0.1:9405"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
