"""The order in which test files run is kept up to date, and computing tests get no more workers than cores."""

from __future__ import annotations

from pathlib import Path

from tests.support.order import LONGEST, place, workers

TESTS = Path(__file__).parent.parent


def test_every_file_that_is_to_run_first_is_there() -> None:
    assert [path for path in LONGEST if not (TESTS / path).is_file()] == []


def test_the_longest_come_first_then_other_flows_then_the_rest() -> None:
    names = ["unit/bus/test_names.py", "flow/bus/test_kv.py", LONGEST[1], "architecture/test_sizes.py", LONGEST[0]]
    assert sorted(names, key=place) == [LONGEST[0], LONGEST[1], names[1], names[0], names[3]]


def test_tests_that_wait_get_more_workers_than_tests_that_compute() -> None:
    computing = workers(["tests/architecture", "tests/unit/bus/test_names.py::test_a_name"])
    assert workers(["tests/unit", "tests/flow"]) == workers(["tests"]) == workers([]) > computing >= 1
