"""What can be declared of a table, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from members.data_validator.declared import TableSchema

A = {"name": "a", "type": "integer"}


def rule(then: Any) -> dict[str, Any]:
    return {"columns": [A, {"name": "d", "type": "date"}], "rules": [{"name": "r", "then": then}]}


def nested(levels: int) -> Any:
    condition: Any = {"column": "a", "op": "is_null"}
    for _ in range(levels):
        condition = {"not": condition}
    return condition


BAD: list[tuple[str, Any, str]] = [
    ("a misspelt rule", {"columns": [{**A, "minimun": 1}]}, "Extra inputs"),
    (
        "a bound of text",
        {"columns": [{"name": "a", "type": "string", "minimum": "x"}]},
        "minimum needs a column of type",
    ),
    ("a bound of another type", {"columns": [{**A, "minimum": "1"}]}, "'1' is not of type integer"),
    ("a date that is none", {"columns": [{"name": "a", "type": "date", "maximum": "2024-02-30"}]}, "not of type date"),
    ("true as a number", {"columns": [{**A, "enum": [True]}]}, "'True' is not of type integer"),
    ("a column twice", {"columns": [A, A]}, "column 'a' is declared twice"),
    (
        "two forms at once",
        rule({"column": "a", "op": "is_null", "all": [{"column": "a", "op": "is_null"}]}),
        "exactly one",
    ),
    ("no form", rule({}), "exactly one"),
    ("no operator", rule({"column": "a"}), "op is missing"),
    ("SQL as an operator", rule({"column": "a", "op": "= 1; DROP TABLE t0; --", "value": 1}), "Input should be"),
    ("nothing to compare with", rule({"column": "a", "op": "<"}), "one of value, other"),
    ("a list to compare with", rule({"column": "a", "op": "<", "value": [1]}), "take a list"),
    ("a value for is_null", rule({"column": "a", "op": "is_null", "value": 1}), "neither"),
    ("types that do not compare", rule({"column": "a", "op": "<", "other": "d"}), "declare both"),
    ("a value of another type", rule({"column": "a", "op": "<", "value": "1"}), "not of type integer"),
    (
        "an uneven foreign key",
        {"foreign_keys": [{"columns": ["a"], "table": "t", "to_columns": ["a", "b"]}]},
        "same number",
    ),
    ("a condition without an end", rule(nested(5000)), "ecursion"),
]


@pytest.mark.parametrize("row", BAD, ids=[row[0] for row in BAD])
def test_what_could_not_be_checked_cannot_be_declared(row: tuple[str, Any, str]) -> None:
    with pytest.raises(ValidationError, match=row[2]):
        TableSchema.model_validate(row[1])


def test_a_schema_survives_the_way_to_a_worker() -> None:
    schema = TableSchema.model_validate(rule({"not": {"column": "a", "op": "in", "value": [1, 2]}}))
    assert TableSchema.model_validate(schema.model_dump(by_alias=True, exclude_none=True)) == schema
