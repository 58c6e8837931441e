"""The page that a run becomes."""

from __future__ import annotations

import pytest

from tests.chaos.checker import PROMISES, Evidence, check
from tests.chaos.journal import Ended, Hurt, Op, Operation, Outcome
from tests.chaos.report import Run, between, page

RUN = Run(seed=7, seconds=60.0, machine="a machine", command="a command")


def evidence() -> Evidence:
    operations = [
        Operation(
            op=op, door="bus", id="call-1", began=at, ended=at + 0.1, deadline=2, outcome=Outcome.OK, found=(), epoch=1
        )
        for at, op in enumerate(op for op in Op if op in (Op.CALL, Op.HEARTBEAT))
    ]
    hurt = Hurt(
        label="directory: kill -9",
        part="directory",
        kind="kill -9",
        target="directory-1",
        began=0.5,
        healed=0.6,
        recovered=0.8,
    )
    return Evidence(operations, [hurt], {"call-1": 1}, Ended(entries=(), replicas=(), members=()))


def test_it_names_the_seed_and_has_a_row_for_each_promise_and_each_fault() -> None:
    text = page(RUN, evidence(), [], check(evidence()))
    assert "Seed 7: 2 operations" in text
    for words in PROMISES.values():
        assert f"| {words} | 0 |" in text
    assert "| directory: kill -9 | 1 |" in text


def test_what_was_broken_is_shown_with_examples() -> None:
    found = evidence()
    twice = Evidence(found.operations, found.hurts, {"call-1": 2}, found.ended)
    text = page(RUN, twice, [], check(twice))
    assert f"| {PROMISES['double']} | 1 |" in text
    assert "- double: call-1 by bus: 2 times" in text


def test_a_report_goes_between_its_marks_and_nowhere_else() -> None:
    marks = ("<!-- a -->", "<!-- b -->")
    once = between("before\n<!-- a -->\nold\n<!-- b -->\nafter\n", marks, "new")
    assert once == "before\n<!-- a -->\n\nnew\n\n<!-- b -->\nafter\n"
    assert between(once, marks, "new") == once
    with pytest.raises(ValueError, match="no <!-- a -->"):
        between("nothing", marks, "new")
