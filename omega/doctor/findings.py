"""What the facts mean: fine, worth knowing, or in the way, and then what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from omega.doctor.facts import Facts
from omega.embedded import Found
from omega.state import Phase, RunState

OLDEST_PYTHON, FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)
LOW_DISK_BYTES = 1 << 30
NO_DISK_BYTES = 64 << 20


class Grade(StrEnum):
    """How bad it is."""

    FINE = "fine"
    NOTE = "note"
    """Something does less than it could."""
    WRONG = "wrong"
    """A start, or the running federation, fails because of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    title: str
    grade: Grade
    text: str
    remedy: str = ""
    """What to do; empty when nothing needs to be done."""


def judge(facts: Facts) -> list[Finding]:
    """Every finding, in the order people should read them."""
    return [
        _python(facts),
        _nats(facts),
        _git(facts),
        *_services(facts),
        _home(facts),
        _disk(facts),
        *_ports(facts),
        *_running(facts),
    ]


def _python(facts: Facts) -> Finding:
    text = f"{'.'.join(map(str, facts.python))} on {facts.platform}"
    if OLDEST_PYTHON <= facts.python[:2] < FIRST_UNTRIED_PYTHON:
        return Finding("Python", Grade.FINE, text)
    return Finding("Python", Grade.WRONG, text, "use Python 3.11, 3.12 or 3.13")


def _nats(facts: Facts) -> Finding:
    if isinstance(facts.nats_server, Found):
        return Finding("nats-server", Grade.FINE, f"{facts.nats_server.text}, {facts.nats_server.path}")
    problem, _, remedy = facts.nats_server.partition(". ")
    return Finding("nats-server", Grade.WRONG, problem, remedy)


def _git(facts: Facts) -> Finding:
    if facts.git:
        return Finding("git", Grade.FINE, facts.git)
    return Finding("git", Grade.NOTE, "not on PATH", "apt-get install git")


def _services(facts: Facts) -> Iterator[Finding]:
    for service in facts.services:
        if missing := facts.missing.get(service.name):
            yield Finding(service.name, Grade.NOTE, f"not installed: needs {', '.join(missing)}", service.remedy)
        else:
            yield Finding(service.name, Grade.FINE, "installed")


def _home(facts: Facts) -> Finding:
    path = str(facts.home.root)
    if facts.writable:
        return Finding("run directory", Grade.FINE, path)
    return Finding("run directory", Grade.WRONG, f"{path} cannot be written to", "set OMEGA_HOME to one that can")


def _disk(facts: Facts) -> Finding:
    text = f"{facts.free_bytes / (1 << 30):.1f} GiB free"
    if facts.free_bytes < NO_DISK_BYTES:
        return Finding("disk", Grade.WRONG, text, "make room, or set OMEGA_HOME to another disk")
    if facts.free_bytes < LOW_DISK_BYTES:
        return Finding("disk", Grade.NOTE, text, "the registry is small, the audit trail may take up to 2 GiB")
    return Finding("disk", Grade.FINE, text)


def _ports(facts: Facts) -> Iterator[Finding]:
    if facts.alive:
        return
    for taken in facts.taken:
        problem, _, remedy = taken.text.partition("; ")
        yield Finding("port", Grade.WRONG, problem, remedy.removeprefix("choose another: "))
    if not facts.taken:
        yield Finding("ports", Grade.FINE, "all free")


def _running(facts: Facts) -> Iterator[Finding]:
    if facts.state is None:
        yield Finding("federation", Grade.FINE, "not up here", "omega up")
    elif not facts.alive:
        text = f"its supervisor (pid {facts.state.pid}) was killed"
        yield Finding("federation", Grade.NOTE, text, "omega up clears the rest away and starts again")
    else:
        yield from _processes(facts.state)


def _processes(state: RunState) -> Iterator[Finding]:
    unwell = [process for process in state.processes if process.phase not in (Phase.READY, Phase.NOT_INSTALLED)]
    if not unwell:
        yield Finding("federation", Grade.FINE, f"up: {state.gateway_url}")
    for process in unwell:
        text = f"{process.phase}" + (f": {process.detail}" if process.detail else "")
        yield Finding(process.name, Grade.WRONG, text, f"omega logs {process.name}")
