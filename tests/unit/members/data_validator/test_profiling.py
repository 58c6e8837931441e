"""What a profile says is what is in the table."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from members.sandbox.refusals import Invalid
from tests.unit.members.data_validator.tables import Desk, parquet

NUMBERS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 1000]


def column(desk: Desk, values: list[Any]) -> Any:
    rows = "".join(f'"{value}",\n' for value in values)
    return desk.profile(f"v,w\n{rows}")["columns"][0]


def test_figures_agree_with_those_by_hand(desk: Desk) -> None:
    told = column(desk, NUMBERS)
    assert (told["type"], told["minimum"], told["maximum"]) == ("integer", 1, 1000)
    assert told["mean"] == pytest.approx(statistics.mean(NUMBERS))
    assert told["stddev"] == pytest.approx(statistics.stdev(NUMBERS))
    quartiles = statistics.quantiles(NUMBERS, n=4, method="inclusive")
    assert [told["quantiles"][name] for name in ("p25", "p50", "p75")] == pytest.approx(quartiles)
    assert told["distinct"] == len(set(NUMBERS))


def test_what_lies_far_out_is_an_outlier_by_the_rule_of_quartiles(desk: Desk) -> None:
    low, _, high = statistics.quantiles(NUMBERS, n=4, method="inclusive")
    fences = (low - 1.5 * (high - low), high + 1.5 * (high - low))
    told = column(desk, NUMBERS)["outliers"]
    assert (told["low"], told["high"]) == pytest.approx(fences)
    assert (told["count"], told["examples"]) == (1, [1000])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "integer"),
        (["1", "2.5"], "number"),
        (["1", "x"], "string"),
        (["01", "02"], "string"),
        (["true", "False"], "boolean"),
        (["2024-01-01", "2024-02-29"], "date"),
        (["2024-01-01T10:00:00Z"], "datetime"),
        (["10:00", "11:30:15"], "time"),
        (["", ""], "empty"),
        (["1"] * 1500 + ["x"], "string"),
        (["2024-01-01"] * 1500 + ["2024-01-01T10:00:00Z"], "string"),
    ],
)
def test_the_type_is_the_narrowest_that_every_value_has(desk: Desk, values: list[str], kind: str) -> None:
    assert column(desk, values)["type"] == kind


def test_json_of_several_types_is_mixed(desk: Desk) -> None:
    told = desk.profile(desk.table('{"a": 1, "b": [1]}\n{"a": "x", "b": null}\n', "jsonl"))["columns"]
    assert [(each["type"], each["nulls"]) for each in told] == [("mixed", 0), ("mixed", 1)]
    assert told[1]["examples"] == ["[1]"]


def test_values_that_come_again_are_counted_and_others_shown(desk: Desk) -> None:
    told = column(desk, ["b"] * 3 + ["a"] * 3 + ["c", ""])
    assert told["top"] == [{"value": "a", "count": 3}, {"value": "b", "count": 3}, {"value": "c", "count": 1}]
    assert (told["nulls"], told["null_rate"], "examples" in told) == (1, 0.125, False)
    assert column(desk, ["x" * 200, "y"])["examples"] == ["x" * 79 + "…", "y"]


def test_duplicates_and_unreadable_rows_are_counted(desk: Desk) -> None:
    told = desk.profile("a,b\n1,2\n1,2\n1,\n1\n1,2\n")
    assert (told["rows"], told["duplicate_rows"], told["unreadable_rows"]) == (5, 2, 1)
    assert told["unreadable"] == [{"row": 4, "problem": "ragged_row", "message": "1 fields instead of 2"}]


def test_a_table_without_rows_has_columns(desk: Desk) -> None:
    told = desk.profile("a,b\n")
    assert (told["rows"], [each["type"] for each in told["columns"]]) == (0, ["empty", "empty"])


def test_numbers_at_the_ends_of_their_range_break_nothing(desk: Desk) -> None:
    told = column(desk, ["1e308", "-1e308", "1e-300", "5", "7"])
    assert (told["type"], told["minimum"], told["maximum"], told["mean"]) == ("number", -1e308, 1e308, 4.0)
    select = "SELECT unnest(['inf'::DOUBLE, 'nan'::DOUBLE, 1.5, 2.5]) AS a, '9' AS b"
    told = desk.profile(desk.table(parquet(desk.folder, select), "parquet"))["columns"][0]
    assert (told["minimum"], told["maximum"], told["mean"]) == (1.5, "nan", 2.0)
    assert column(desk, ["9" * 38, "1"])["maximum"] == int("9" * 38)


def test_a_large_table_says_that_it_is_estimated(desk: Desk) -> None:
    told = desk.profile("a,b\n" + "".join(f"{n},x\n" for n in range(100_001)))
    assert told["approximate"]
    assert told["columns"][0]["distinct"] == pytest.approx(100_001, rel=0.1)
    assert told["columns"][0]["quantiles"]["p50"] == pytest.approx(50_000, rel=0.02)


def test_columns_are_chosen_by_name(desk: Desk) -> None:
    assert [each["name"] for each in desk.profile("a,b,c\n1,2,3\n", columns=["c", "a"])["columns"]] == ["c", "a"]
    with pytest.raises(Invalid, match="columns: table has no column 'z'"):
        desk.profile("a\n1\n", columns=["z"])
