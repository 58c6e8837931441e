"""`status`: the processes of this machine's federation and how each is doing."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from omega.cli.options import Json
from omega.cli.output import note, show, show_json
from omega.cli.view import process_table
from omega.handshake import Exit
from omega.home import home_from
from omega.state import Phase, ProcessState, RunState, read_state, supervised
from omega.supervisor.probes import http_status

HEALTHY = "ok"


async def status(*, health: Annotated[bool, Parameter(negative="")] = False, json: Json = False) -> int:
    """Show its processes and how each is doing.

    Exit code 0: everything is ready. 3: something is not, or nothing is up.

    Parameters
    ----------
    health
        Ask every process that has a URL for its /health too.
    """
    state = read_state(home_from(os.environ).state_file)
    if state is None or not supervised(state):
        return _nothing_up(stale=state is not None, as_json=json)
    answers = await _ask_all(state.processes) if health else {}
    if json:
        show_json(_as_json(state, answers))
    else:
        show(process_table(state.processes, time.time(), answers))
        note(f"\ngateway {state.gateway_url}   nats {state.nats_url}   supervisor pid {state.pid}")
    well = state.ready and all(answer.startswith(HEALTHY) for answer in answers.values())
    return Exit.OK if well else Exit.UNAVAILABLE


def _nothing_up(*, stale: bool, as_json: bool) -> int:
    if as_json:
        show_json({"up": False, "stale": stale, "processes": []})
    else:
        note("nothing is up" + (" (its supervisor was killed; omega down clears the rest away)" if stale else ""))
    return Exit.UNAVAILABLE


def _as_json(state: RunState, answers: dict[str, str]) -> dict[str, object]:
    processes = [
        asdict(process) | ({"health": answers.get(process.name)} if answers else {}) for process in state.processes
    ]
    return {
        "up": True,
        "ready": state.ready,
        "pid": state.pid,
        "nats_url": state.nats_url,
        "gateway_url": state.gateway_url,
        "prefix": state.prefix,
        "processes": processes,
    }


async def _ask_all(processes: tuple[ProcessState, ...]) -> dict[str, str]:
    asked = [p for p in processes if p.url.startswith("http") and p.phase is not Phase.NOT_INSTALLED]
    return dict(zip((p.name for p in asked), await asyncio.gather(*map(_ask, asked)), strict=True))


async def _ask(process: ProcessState) -> str:
    """What `/health` said, and how fast."""
    url = urlsplit(process.url)
    began = time.monotonic()
    try:
        code = await http_status(url.hostname or "", url.port or 80, "/health")
    except (OSError, TimeoutError):
        return "no answer"
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    return f"{HEALTHY} {took}" if code == 200 else f"HTTP {code}, {took}"
