"""An engine for tests: jobs that answer, wait, die and misbehave."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from members.sandbox.refusals import Invalid
from members.sandbox.worker import Report


def who(arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "environment": sorted(os.environ),
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
        "file": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        "sdk_loaded": "mcp" in sys.modules or "nats" in sys.modules,
    }


def count(arguments: Mapping[str, Any], report: Report) -> int:
    for number in range(arguments["to"]):
        report(number)
    return int(arguments["to"])


def refuse(arguments: Mapping[str, Any], report: Report) -> None:
    raise Invalid("not this one", field="x")


def crash(arguments: Mapping[str, Any], report: Report) -> None:
    raise RuntimeError(arguments["secret"])


def die(arguments: Mapping[str, Any], report: Report) -> None:
    os._exit(3)


def die_once(arguments: Mapping[str, Any], report: Report) -> str:
    """Dies when its worker is warm."""
    if "served" in globals():
        os._exit(3)
    globals()["served"] = True
    return "fresh"


def hang(arguments: Mapping[str, Any], report: Report) -> None:
    """Never ends, and neither does the child it starts. Both process ids are written down first."""
    sleeper = subprocess.Popen(["sleep", "600"])
    Path(arguments["pids"]).write_text(f"{os.getpid()} {sleeper.pid}")
    report("hanging")
    time.sleep(600)


def devour(arguments: Mapping[str, Any], report: Report) -> int:
    return len(bytearray(arguments["bytes"]))


def chatter(arguments: Mapping[str, Any], report: Report) -> str:
    """Prints where the parent listens, as careless libraries do."""
    sys.stdout.write("noise" * 10_000)
    sys.stdout.flush()
    os.write(1, b"more noise")
    return sys.stdin.read()


JOBS = {each.__name__: each for each in (who, count, refuse, crash, die, die_once, hang, devour, chatter)}
