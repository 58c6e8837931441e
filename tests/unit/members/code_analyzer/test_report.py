"""Figures added up: percentages, the score, the worst issues."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.code_analyzer.findings import Issue, ordered_issues
from members.code_analyzer.report import (
    Tally,
    WorstFunction,
    complexity_score,
    percentages,
    report,
    source_only,
    total,
    worst_of,
)


def issue(severity: str, file: str = "a.py", line: int = 1) -> Issue:
    return {"type": "code_smell", "severity": severity, "file": file, "line": line, "message": "m"}  # type: ignore[typeddict-item]  # any of three


def function(complexity: int) -> WorstFunction:
    return {"name": "f", "file": "a.py", "line": 1, "complexity": complexity, "length": 3, "parameters": 0}


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 10**7), min_size=1, max_size=40))
def test_percentages_are_whole_and_sum_to_a_hundred(counts: dict[str, int]) -> None:
    shares = percentages(counts)
    assert sum(shares.values()) == 100
    exact = {name: 100 * count / sum(counts.values()) for name, count in counts.items()}
    assert all(abs(share - exact[name]) < 1 for name, share in shares.items())
    assert all(exact[name] < 1 for name in counts.keys() - shares.keys())


def test_the_largest_remainder_gets_the_missing_per_cent() -> None:
    assert percentages({"python": 2, "go": 2, "c": 2}) == {"c": 34, "go": 33, "python": 33}
    assert percentages({"python": 655, "javascript": 345}) == {"python": 66, "javascript": 34}
    assert percentages({}) == {}


def test_data_and_prose_are_languages_only_where_there_is_nothing_else() -> None:
    assert source_only({"python": 10, "json": 90_000, "markdown": 5}) == {"python": 10}
    assert source_only({"json": 10, "yaml": 5}) == {"json": 10, "yaml": 5}


@pytest.mark.parametrize(
    ("mean", "score"), [(1, 0.0), (2, 1.0), (4, 2.5), (10, 5.0), (19, 6.7), (28, 7.5), (1000, 9.9)]
)
def test_the_score_of_a_mean_complexity(mean: int, score: float) -> None:
    assert complexity_score(mean * 50, 50) == score


def test_no_functions_score_nothing() -> None:
    assert complexity_score(0, 0) == 0.0


@given(st.integers(1, 10**6), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_score_stays_in_bounds_and_never_falls_as_complexity_grows(lines: int, less: int, more: int) -> None:
    low, high = (complexity_score(max(each, lines), lines) for each in sorted((less, more)))
    assert 0 <= low <= high <= 10


def test_one_complex_function_is_not_hidden_by_many_trivial_ones() -> None:
    trivial = Tally(function_lines=100, weighted=100)
    complex_one = Tally(function_lines=100, weighted=3000)
    whole = total([trivial, complex_one])
    assert complexity_score(whole.weighted, whole.function_lines) > 5


def test_the_worst_issues_are_kept_and_the_rest_is_counted() -> None:
    issues = [issue("low"), issue("high", "b.py"), issue("medium"), issue("high", "a.py", 9), issue("high", "a.py", 2)]
    whole = Tally(issues=issues, kinds=Counter(code_smell=9))
    reply = report(whole, files=3, max_issues=3)
    assert [(each["severity"], each["file"], each["line"]) for each in reply["issues"]] == [
        ("high", "a.py", 2),
        ("high", "a.py", 9),
        ("high", "b.py", 1),
    ]
    assert reply["issues_omitted"] == 6


def test_issues_have_one_order_whoever_found_them_first() -> None:
    issues = [issue(s, f, n) for s in ("low", "high") for f in ("b", "a") for n in (2, 10, 1)]
    shuffled = random.Random(1).sample(issues, len(issues))
    assert ordered_issues(shuffled) == ordered_issues(issues)


def test_a_tally_survives_the_pipe() -> None:
    tally = Tally(code=Counter(python=3), comment=4, skipped=Counter(binary=1), worst=[function(3)], licensed=True)
    tally.tell([issue("low")])
    assert Tally.from_data(json.loads(json.dumps(tally.as_data()))) == tally


def test_lines_of_each_kind_sum_to_all_lines() -> None:
    reply = report(Tally(code=Counter(python=3, go=4), comment=2, string=5, blank=1), files=1, max_issues=5)
    kinds = ("code_lines", "comment_lines", "string_lines", "blank_lines")
    assert [reply[kind] for kind in kinds] == [7, 2, 5, 1]  # type: ignore[literal-required]  # each of them is a key
    assert reply["total_lines"] == 15


def test_the_worst_functions_of_all_shares_are_told_worst_first() -> None:
    shares = [Tally(worst=worst_of(function(n) for n in range(start, 100, 2))) for start in (0, 1)]
    assert [each["complexity"] for each in total(shares).worst] == list(range(99, 79, -1))


def test_repeated_lines_are_told_in_per_cent_of_code() -> None:
    reply = report(Tally(code=Counter(python=200)), files=1, max_issues=5, repeated=(3, 31))
    assert reply["duplication"] == {"blocks": 3, "lines": 31, "per_cent": 15.5}
    assert report(Tally(), files=0, max_issues=5)["duplication"]["per_cent"] == 0.0


def test_the_documented_keys_are_there() -> None:
    reply = report(Tally(), files=0, max_issues=5)
    assert {"languages", "total_files", "total_lines", "complexity_score", "issues"} <= set(reply)
