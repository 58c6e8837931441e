"""What the doctor makes of the facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omega.cli.doctor import report
from omega.doctor import Facts, Finding, Grade, judge
from omega.embedded import Found
from omega.home import Home
from omega.ports import Holder, Taken, Wanted
from omega.services import SHIPPED
from omega.state import Phase, ProcessState, RunState
from tests.unit.omega.rendering import drawn

WELL = Facts(
    python=(3, 11, 2),
    platform="Linux x86_64",
    nats_server=Found(Path("/usr/bin/nats-server"), (2, 15, 1)),
    git="/usr/bin/git",
    services=SHIPPED,
    missing={},
    home=Home(Path("/srv/omega")),
    writable=True,
    free_bytes=50 << 30,
    taken=(),
    state=None,
    alive=False,
)
UP = RunState(
    "ab12", 812, 1000.0, "nats://127.0.0.1:4222", "http://127.0.0.1:9405", "omega", False,
    (ProcessState("nats", Phase.READY, 813), ProcessState("code_analyzer", Phase.NOT_INSTALLED)),
)  # fmt: skip
TAKEN = Taken(Wanted("127.0.0.1", 9405, "gateway", "--port PORT"), Holder(99, "nginx", "www"))


def unwell(facts: Facts) -> list[Finding]:
    return [finding for finding in judge(facts) if finding.grade is not Grade.FINE]


def test_a_machine_that_is_well_has_nothing_to_do() -> None:
    assert unwell(WELL) == []
    assert "nothing is wrong" in drawn(report(judge(WELL)))


@pytest.mark.parametrize(
    ("facts", "title", "grade"),
    [
        (replace(WELL, python=(3, 10, 9)), "Python", Grade.WRONG),
        (replace(WELL, python=(3, 14, 0)), "Python", Grade.WRONG),
        (replace(WELL, nats_server="no nats-server here. Install one"), "nats-server", Grade.WRONG),
        (replace(WELL, git=None), "git", Grade.NOTE),
        (replace(WELL, missing={"image_service": ("PIL",)}), "image_service", Grade.NOTE),
        (replace(WELL, writable=False), "run directory", Grade.WRONG),
        (replace(WELL, free_bytes=1 << 20), "disk", Grade.WRONG),
        (replace(WELL, free_bytes=500 << 20), "disk", Grade.NOTE),
        (replace(WELL, taken=[TAKEN]), "port", Grade.WRONG),
        (replace(WELL, state=UP, alive=False), "federation", Grade.NOTE),
    ],
)
def test_each_thing_that_is_wrong_is_named_with_what_to_do(facts: Facts, title: str, grade: Grade) -> None:
    (finding,) = unwell(facts)
    assert (finding.title, finding.grade) == (title, grade)
    assert finding.remedy
    assert finding.remedy in drawn(report([finding]), width=200)


def test_a_taken_port_is_told_with_its_holder() -> None:
    (finding,) = unwell(replace(WELL, taken=[TAKEN]))
    assert "pid 99 of www: nginx" in finding.text
    assert finding.remedy == "--port PORT"


def test_ports_of_the_running_federation_are_not_called_taken() -> None:
    assert unwell(replace(WELL, state=UP, alive=True, taken=[TAKEN])) == []


def test_a_process_that_is_not_ready_is_named_with_its_log() -> None:
    state = replace(UP, processes=(ProcessState("gateway", Phase.RESTARTING, detail="exit 1"),))
    (finding,) = unwell(replace(WELL, state=state, alive=True))
    assert (finding.title, finding.text, finding.remedy) == ("gateway", "restarting: exit 1", "omega logs gateway")


def test_notes_alone_are_not_called_wrong() -> None:
    assert "nothing is wrong" in drawn(report(judge(replace(WELL, git=None))))


def test_what_is_wrong_is_counted() -> None:
    text = drawn(report(judge(replace(WELL, writable=False, taken=[TAKEN]))))
    assert "2 in the way" in text
