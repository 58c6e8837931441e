"""When a function is too much."""

from __future__ import annotations

import pytest

from members.code_analyzer.thresholds import Function, Thresholds, excesses, printable

LIMITS = Thresholds(complexity=10, code_lines=60, parameters=5)


def rules(**figures: int) -> list[tuple[str, str]]:
    function = Function(
        **{"name": "f", "line": 7, "code_lines": 1, "complexity": 1, "parameters": 0, **figures}  # type: ignore[arg-type]  # figures are numbers
    )
    return [(each.rule, each.severity) for each in excesses(function, LIMITS)]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"complexity": 10, "code_lines": 60, "parameters": 5}, []),
        ({"complexity": 11}, [("too_complex", "medium")]),
        ({"complexity": 21}, [("too_complex", "high")]),
        ({"code_lines": 61}, [("too_long", "low")]),
        ({"code_lines": 121}, [("too_long", "medium")]),
        ({"parameters": 6}, [("too_many_parameters", "low")]),
    ],
)
def test_above_a_threshold_and_not_at_it(figures: dict[str, int], expected: list[tuple[str, str]]) -> None:
    assert rules(**figures) == expected


def test_the_message_tells_the_figure_and_the_wanted_one() -> None:
    (excess,) = excesses(Function("f", 7, 1, 15, 0), LIMITS)
    assert "15" in excess.message
    assert "10" in excess.message
    assert excess.line == 7


def test_a_hostile_name_stays_one_short_line() -> None:
    shown = printable("a\x1b[31m\n" + "b" * 500)
    assert len(shown) == 80
    assert shown.isprintable()
