"""An MCP server as many are: single-threaded, of 2025-11-25, a line in and a line out, deaf while a tool runs."""

from __future__ import annotations

import sys

SOURCE = """
import json, sys, time

def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

def call(name, given):
    if name == "sleep":
        time.sleep(given["seconds"])
    if name == "die":
        sys.stderr.write("loading\\nwhat it said last\\n")
        sys.stderr.flush()
        raise SystemExit(given["code"])
    return {"content": [{"type": "text", "text": name}]}

tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("echo", "sleep", "die")]
answers = {
    "initialize": lambda asked: {
        "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "plain", "version": "1"}
    },
    "ping": lambda asked: {},
    "tools/list": lambda asked: {"tools": tools},
    "tools/call": lambda asked: call(asked["name"], asked.get("arguments", {})),
}
ignored = ("ping",) if sys.argv[1:] == ["ignores pings"] else ()
if len(sys.argv) > 1 and not ignored:
    sys.stderr.write(sys.argv[1] + "\\n")
    raise SystemExit(3)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked or asked["method"] in ignored:
        continue
    answer = answers.get(asked["method"])
    if answer is None:
        say({"id": asked["id"], "error": {"code": -32601, "message": "no such method"}})
    else:
        say({"id": asked["id"], "result": answer(asked.get("params", {}))})
"""


IGNORES_PINGS = "ignores pings"


def plain_server(*dying_words: str) -> tuple[str, ...]:
    """Its command. With `dying_words` it says them on stderr and ends instead of serving, but for `IGNORES_PINGS`."""
    return (sys.executable, "-c", SOURCE, *dying_words)
