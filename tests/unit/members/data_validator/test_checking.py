"""A table against what was declared: every rule finds its rows, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from members.sandbox.refusals import Invalid
from tests.unit.members.data_validator.tables import Desk, broken

INTEGERS = "1\n-5\n+3\n12345678901234567890123456789012345678\n007\n1.0\n1e3\n5 \nx\n"

# type, values, and which of them (counted from 1) are not of the type
TYPES: list[tuple[str, list[str], list[int]]] = [
    ("integer", ["1", "-5", "+3", "9" * 38, "007", "1.0", "1e3", "5 ", "x", "", "--1"], [5, 6, 7, 8, 9, 11]),
    ("number", ["1", "-1.5", ".5", "1.", "1e3", "-2E-3", "007", "1,5", "NaN", "inf", "0x1F", "1_000"], [*range(7, 13)]),
    ("boolean", ["true", "FALSE", "1", "yes", "t", ""], [3, 4, 5]),
    ("date", ["2024-02-29", "2023-02-29", "2024-1-5", "2024/01/05", "20240105", "infinity", ""], [2, 3, 4, 5, 6]),
    ("datetime", ["2024-01-05T10:00:00Z", "2024-01-05 10:00", "2024-01-05t10:00:00.5+02:00", "2024-01-05"], [4]),
    ("datetime", ["2024-01-05T25:00:00Z", "2024-13-05T10:00:00Z", "now", "2024-01-05T10:00:00Z "], [1, 2, 3, 4]),
    ("time", ["10:00", "23:59:59.999", "24:00", "10:61", "1000", ""], [3, 4, 5]),
    ("string", ["x", "1", "007"], []),
    ("any", ["x", "1", ""], []),
]


@pytest.mark.parametrize(("kind", "values", "wrong"), TYPES, ids=[f"{row[0]}-{n}" for n, row in enumerate(TYPES)])
def test_a_value_is_of_a_type_when_it_is_written_as_one(
    desk: Desk, kind: str, values: list[str], wrong: list[int]
) -> None:
    rows = "".join(f'"{value}",x\n' for value in values)
    reply = desk.validate(f"v,other\n{rows}", {"columns": [{"name": "v", "type": kind}]})
    assert [each["row"] for each in reply["violations"]] == wrong
    assert reply["valid"] is (not wrong)


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "date", "string"])
def test_json_values_have_the_types_of_json(desk: Desk, kind: str) -> None:
    values = {"integer": "1", "number": "1.5", "boolean": "true", "date": '"2024-01-05"', "string": '"1"'}
    fits = {"integer": {"integer"}, "number": {"integer", "number"}, "string": {"string", "date"}}.get(kind, {kind})
    lines = desk.table("".join(f'{{"v": {value}}}\n' for value in values.values()), "jsonl")
    reply = desk.validate(lines, {"columns": [{"name": "v", "type": kind}]})
    wrong = [row for row, name in enumerate(values, start=1) if name not in fits]
    assert [each["row"] for each in reply["violations"]] == wrong


RULES: list[tuple[dict[str, Any], str, list[int]]] = [
    ({"type": "integer", "minimum": 2}, "minimum", [1]),
    ({"type": "integer", "minimum": 1.5}, "minimum", [1]),
    ({"type": "number", "maximum": 2}, "maximum", [3, 4]),
    ({"type": "number", "exclusive_minimum": 1}, "exclusive_minimum", [1]),
    ({"type": "number", "exclusive_maximum": 3}, "exclusive_maximum", [3, 4]),
    ({"min_length": 2}, "min_length", [1, 2, 3]),
    ({"max_length": 1}, "max_length", [4]),
    ({"pattern": "^[12]$"}, "pattern", [3, 4]),
    ({"enum": ["1", "2", "10"]}, "enum", [3]),
    ({"enum": [1, 2, 10]}, "enum", [3]),
    ({"type": "integer", "enum": [1, 2.5, 10]}, "enum", [2, 3]),
    ({"nullable": False}, "nullable", [5]),
]


@pytest.mark.parametrize("row", RULES, ids=[f"{row[1]}-{n}" for n, row in enumerate(RULES)])
def test_a_rule_finds_its_rows_and_leaves_empty_values_alone(desk: Desk, row: tuple[Any, str, list[int]]) -> None:
    rule, name, wrong = row
    reply = desk.validate("v,w\n1,\n2,\n3,\n10,\n,\n", {"columns": [{"name": "v", **rule}]})
    assert [(each["row"], each["rule"]) for each in reply["violations"]] == [(n, f"v.{name}") for n in wrong]
    assert {each["rule"]: each["violations"] for each in reply["rules"]}[f"v.{name}"] == len(wrong)


def test_dates_are_bounded_as_dates_in_any_zone(desk: Desk) -> None:
    column = {"name": "t", "type": "datetime", "maximum": "2024-01-01T12:00:00Z"}
    reply = desk.validate(
        "t,x\n2024-01-01T12:00:00Z,\n2024-01-01T13:00:00+02:00,\n2024-01-01T13:00:00,\n", {"columns": [column]}
    )
    assert broken(reply) == [(3, "t.maximum", "2024-01-01T13:00:00")]


def test_repeated_values_name_the_row_they_repeat(desk: Desk) -> None:
    schema = {"columns": [{"name": "a", "type": "number", "unique": True}], "unique": [["a", "b"]]}
    reply = desk.validate("a,b\n1,x\n1.0,y\n,z\n,z\n1,x\n", schema)
    told = [(each["row"], each["rule"], each["message"]) for each in reply["violations"]]
    assert told == [
        (2, "a.unique", "repeats row 1"),
        (5, "a.unique", "repeats row 1"),
        (5, "unique(a, b)", "repeats row 1"),
    ]


def test_a_primary_key_is_unique_and_never_empty(desk: Desk) -> None:
    reply = desk.validate("a,b\n1,1\n1,2\n1,1\n,1\n", {"primary_key": ["a", "b"]})
    assert broken(reply) == [(3, "primary_key", "1, 1"), (4, "primary_key.nullable", ", 1")]


def test_a_foreign_key_finds_values_that_are_nowhere(desk: Desk) -> None:
    schema = {
        "columns": [{"name": "who", "type": "integer"}],
        "foreign_keys": [{"columns": ["who"], "table": "people", "to_columns": ["id"]}],
    }
    others = {"people": desk.table('{"id": 1}\n{"id": 2}\n', "jsonl", argument="others.people")}
    reply = desk.validate("who,x\n1,\n3,\n,\n2,\n", schema, others=others)
    assert broken(reply) == [(2, "foreign_key(who -> people)", "3")]
    with pytest.raises(Invalid, match="others has no table 'people'"):
        desk.validate("who\n1\n", schema)


def test_rules_across_columns(desk: Desk) -> None:
    schema = {
        "columns": [{"name": name, "type": "date"} for name in ("start", "end")],
        "rules": [
            {"name": "in order", "then": {"column": "start", "op": "<=", "other": "end"}},
            {
                "name": "closed ones end",
                "if": {"column": "state", "op": "in", "value": ["closed", "lost"]},
                "then": {
                    "all": [{"column": "end", "op": "not_null"}, {"column": "who", "op": "matches", "value": "@"}]
                },
            },
            {"name": "not both", "then": {"not": {"any": [{"column": "who", "op": "==", "other": "state"}]}}},
        ],
    }
    rows = "2024-01-02,2024-01-01,open,x\n2024-01-01,,closed,a@b\n2024-01-01,,open,open\n,2024-01-01,lost,nobody\n"
    assert broken(desk.validate(f"start,end,state,who\n{rows}", schema)) == [
        (1, "in order", "2024-01-02, 2024-01-01"),
        (2, "closed ones end", "closed, , a@b"),
        (3, "not both", "open, open"),
        (4, "closed ones end", "lost, 2024-01-01, nobody"),
    ]


def test_columns_that_are_missing_or_not_declared_are_told_once(desk: Desk) -> None:
    schema = {
        "columns": [{"name": "a"}, {"name": "gone"}, {"name": "maybe", "required": False}],
        "extra_columns": False,
        "rules": [{"name": "r", "then": {"column": "gone", "op": "not_null"}}],
        "min_rows": 3,
        "max_rows": 1,
    }
    reply = desk.validate("a,b\n1,2\n3,4\n", schema)
    assert [(each["row"], each["column"], each["rule"]) for each in reply["violations"]] == [
        (None, "gone", "gone.required"),
        (None, "b", "extra_columns"),
        (None, None, "min_rows"),
        (None, None, "max_rows"),
    ]
    assert {each["rule"]: each["checked"] for each in reply["rules"]}["r"] is False


def test_every_violation_is_counted_and_the_first_are_shown_by_row(desk: Desk) -> None:
    columns = [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}]
    reply = desk.validate("a,b\n" + "x,y\n" * 500, {"columns": columns}, limit=5)
    assert (reply["violations_total"], reply["more_violations"], reply["rows"]) == (1000, True, 500)
    assert [each["row"] for each in reply["violations"]] == [1, 1, 2, 2, 3]


def test_rows_that_cannot_be_read_are_violations_and_keep_the_count_right(desk: Desk) -> None:
    content = b"a,b\n1,2\n1\n3,x\n\xff,1\n4,y\n5,6,7\n8,z\n"
    reply = desk.validate(desk.table(content), {"columns": [{"name": "b", "type": "integer"}]})
    assert broken(reply) == [
        (2, "ragged_row", "1"),
        (3, "b.type", "x"),
        (4, "undecodable_row", "\ufffd,1"),
        (5, "b.type", "y"),
        (6, "ragged_row", "5,6,7"),
        (7, "b.type", "z"),
    ]
    assert (reply["rows"], reply["valid"]) == (7, False)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"primary_key": ["z"]}, "no column 'z'"),
        ({"rules": [{"name": "r", "then": {"column": "z", "op": "is_null"}}]}, "rule 'r' names no column: 'z'"),
        ({"columns": [{"name": "a", "pattern": "(a"}]}, "pattern of column 'a'"),
        ({"columns": [{"name": "a", "pattern": "(?=a)"}]}, "none that RE2 takes"),
        ({"columns": [{"name": "a", "pattern": "((a{100}){100}){100}"}]}, "none that RE2 takes"),
        ({"rules": [{"name": "r", "then": {"column": "a", "op": "matches", "value": "["}}]}, "pattern of rule 'r'"),
    ],
)
def test_a_schema_that_cannot_be_asked_is_refused(desk: Desk, schema: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match="schema") as caught:
        desk.validate("a,b\n1,2\n", schema)
    assert words in caught.value.message
