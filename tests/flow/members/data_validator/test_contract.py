"""Every shape and every error of the Data Validator, the same in each of the three ways to call it."""

from __future__ import annotations

from typing import Any

import pytest

from bus import Federation
from tests.flow.members.data_validator.conftest import ID, Call

PEOPLE = "id,name,born\n1,Ada,1815-12-10\n2,Alan,1912-06-23\n2,Grace,soon\n"
DECLARED = {
    "columns": [{"name": "id", "type": "integer", "unique": True}, {"name": "born", "type": "date"}],
    "rules": [{"name": "named", "then": {"column": "name", "op": "not_null"}}],
}


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


def doubling(levels: int) -> dict[str, Any]:
    """A schema that looks at the data 2**levels times."""
    steps = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/s0", "$defs": steps | {f"s{levels}": {"type": "integer", "not": {"const": 2}}}}


SHAPES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "validate_json",
        {"schema": {"properties": {"age": {"type": "integer"}}}, "data": {"age": "old"}},
        {
            "valid": False,
            "errors": [
                {
                    "path": "/age",
                    "message": '"old" is not of type "integer"',
                    "schema_path": "/properties/age/type",
                    "keyword": "type",
                }
            ],
            "more_errors": False,
            "draft": "2020-12",
            "draft_declared": False,
        },
    ),
    (
        "validate_json",
        {"schema": {"$ref": "urn:x:word"}, "data": "a", "references": {"urn:x:word": {"type": "string"}}},
        {"valid": True, "errors": [], "more_errors": False, "draft": "2020-12", "draft_declared": False},
    ),
    (
        "infer_schema",
        {"samples": [{"a": 1}, {"a": 2}]},
        {
            "samples": 2,
            "schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "required": ["a"],
            },
        },
    ),
    (
        "validate_table",
        {"table": PEOPLE, "schema": DECLARED},
        {
            "valid": False,
            "format": "csv",
            "rows": 3,
            "columns": 3,
            "violations_total": 2,
            "violations": [
                {"row": 3, "column": "born", "value": "soon", "rule": "born.type", "message": "not a date"},
                {"row": 3, "column": "id", "value": "2", "rule": "id.unique", "message": "repeats row 2"},
            ],
            "more_violations": False,
            "rules": [
                {"rule": "id.required", "kind": "required", "column": "id", "checked": True, "violations": 0},
                {"rule": "born.required", "kind": "required", "column": "born", "checked": True, "violations": 0},
                {"rule": "id.type", "kind": "type", "column": "id", "checked": True, "violations": 0},
                {"rule": "born.type", "kind": "type", "column": "born", "checked": True, "violations": 1},
                {"rule": "named", "kind": "rule", "column": None, "checked": True, "violations": 0},
                {"rule": "id.unique", "kind": "unique", "column": "id", "checked": True, "violations": 1},
            ],
            "notes": [],
        },
    ),
    (
        "profile_table",
        {"table": {"data": PEOPLE, "format": "csv"}, "columns": ["id", "name"]},
        {
            "format": "csv",
            "rows": 3,
            "duplicate_rows": 0,
            "unreadable_rows": 0,
            "unreadable": [],
            "approximate": False,
            "brief": False,
            "columns": [
                {
                    "name": "id",
                    "type": "integer",
                    "nulls": 0,
                    "null_rate": 0.0,
                    "distinct": 2,
                    "minimum": 1,
                    "maximum": 2,
                    "mean": 1.66666666667,
                    "stddev": 0.57735026919,
                    "quantiles": {"p05": 1.1, "p25": 1.5, "p50": 2.0, "p75": 2.0, "p95": 2.0},
                    "outliers": {"count": 0, "low": 0.75, "high": 2.75, "examples": []},
                    "examples": ["1", "2", "2"],
                },
                {
                    "name": "name",
                    "type": "string",
                    "nulls": 0,
                    "null_rate": 0.0,
                    "distinct": 3,
                    "lengths": {"min": 3, "max": 5, "mean": 4.0},
                    "examples": ["Ada", "Alan", "Grace"],
                },
            ],
            "notes": [],
        },
    ),
    (
        "compare",
        {"before": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}], "after": "id,v\n1,a\n2,B\n3,c\n", "key": ["id"]},
        {
            "identical": False,
            "columns": {"added": [], "removed": [], "retyped": [], "reordered": False},
            "rows": {
                "before": 2,
                "after": 3,
                "added": 1,
                "removed": 0,
                "changed": 1,
                "unchanged": 1,
                "changed_columns": {"v": 1},
                "added_examples": [{"row": 3, "values": {"id": "3", "v": "c"}}],
                "removed_examples": [],
                "changed_examples": [
                    {
                        "key": {"id": "2"},
                        "row_before": 2,
                        "row_after": 2,
                        "changes": [{"column": "v", "before": "b", "after": "B"}],
                    }
                ],
            },
        },
    ),
]

ERRORS: list[tuple[str, str, dict[str, Any], str, int, str]] = [
    ("no schema", "validate_json", {"data": 1}, "invalid_arguments", 400, "schema"),
    ("a misspelt argument", "profile_table", {"tabel": "a\n1"}, "invalid_arguments", 400, "tabel"),
    ("no JSON Schema", "validate_json", {"schema": {"type": "no"}, "data": 1}, "invalid_arguments", 400, "schema: "),
    (
        "an unknown draft",
        "validate_json",
        {"schema": {"$schema": "urn:x"}, "data": 1},
        "invalid_arguments",
        400,
        "draft",
    ),
    (
        "a remote reference",
        "validate_json",
        {"schema": {"$ref": "http://127.0.0.1:1/x"}, "data": 1},
        "not_allowed",
        403,
        "fetched",
    ),
    ("deep data", "validate_json", {"schema": {}, "data": nested(21)}, "too_large", 413, "data is nested more than 20"),
    ("large data", "validate_json", {"schema": {}, "data": "x" * 100_000}, "too_large", 413, "at most 100000"),
    ("a schema without end", "validate_json", {"schema": doubling(34), "data": 1}, "tool_error", 422, "limit of 2 s"),
    ("no samples", "infer_schema", {"samples": []}, "invalid_arguments", 400, "samples"),
    ("deep samples", "infer_schema", {"samples": [nested(25)]}, "too_large", 413, "samples is nested"),
    ("large samples", "infer_schema", {"samples": ["x" * 100_000]}, "too_large", 413, "at most 100000"),
    (
        "an unknown rule",
        "validate_table",
        {"table": "a\n1", "schema": {"colums": []}},
        "invalid_arguments",
        400,
        "colums",
    ),
    (
        "a rule of no column",
        "validate_table",
        {"table": "a\n1", "schema": {"primary_key": ["z"]}},
        "invalid_arguments",
        400,
        "'z'",
    ),
    (
        "a bad pattern",
        "validate_table",
        {"table": "a\n1", "schema": {"columns": [{"name": "a", "pattern": "("}]}},
        "invalid_arguments",
        400,
        "RE2",
    ),
    (
        "SQL for a rule",
        "validate_table",
        {"table": "a\n1", "schema": {"rules": ["1=1"]}},
        "invalid_arguments",
        400,
        "schema.rules.0",
    ),
    ("an empty table", "profile_table", {"table": ""}, "invalid_arguments", 400, "table: the table is empty"),
    (
        "no base64",
        "profile_table",
        {"table": {"data": "?", "format": "parquet"}},
        "invalid_arguments",
        400,
        "not base64",
    ),
    (
        "no Parquet",
        "profile_table",
        {"table": {"data": "UEFSMQ==", "format": "parquet"}},
        "invalid_arguments",
        400,
        "Parquet",
    ),
    (
        "an unknown format",
        "profile_table",
        {"table": {"data": "x", "format": "pdf"}},
        "invalid_arguments",
        400,
        "format",
    ),
    ("a local file", "profile_table", {"table": "http://localhost/x.csv"}, "not_allowed", 403, "table: "),
    ("a private address", "profile_table", {"table": "https://127.0.0.1:1/x.csv"}, "not_allowed", 403, "table: "),
    (
        "an unknown column",
        "profile_table",
        {"table": "a\n1", "columns": ["z"]},
        "invalid_arguments",
        400,
        "no column 'z'",
    ),
    ("too many bytes", "profile_table", {"table": "a\n" + "1\n" * 100_000}, "too_large", 413, "more than 200000 bytes"),
    ("too many rows", "profile_table", {"table": "a\n" + "1\n" * 5001}, "too_large", 413, "5001 rows; at most 5000"),
    (
        "too many columns",
        "validate_table",
        {"table": "a," * 100 + "b", "schema": {}},
        "too_large",
        413,
        "101 columns; at most 100",
    ),
    ("too many to profile", "profile_table", {"table": "a," * 50 + "b"}, "too_large", 413, "at most 50 are measured"),
    (
        "a key that repeats",
        "compare",
        {"before": "a\n1\n1", "after": "a\n1", "key": ["a"]},
        "invalid_arguments",
        400,
        "key: ",
    ),
    (
        "a key that is nowhere",
        "compare",
        {"before": "a\n1", "after": "b\n1", "key": ["a"]},
        "invalid_arguments",
        400,
        "key: ",
    ),
    (
        "a resource of nobody",
        "compare",
        {"before": "omega://member/nobody/x://y", "after": "b\n1"},
        "unknown_member",
        404,
        "nobody",
    ),
]


async def test_it_is_there_with_all_that_it_offers(validator: Federation) -> None:
    manifest = await validator.server(ID)
    assert (manifest["name"], manifest["status"]) == ("Data Validator", "active")
    assert {"data_validation", "json_schema"} <= set(manifest["capabilities"])
    tools = {tool["name"]: tool for tool in manifest["tools"]}
    assert set(tools) == {"validate_json", "infer_schema", "validate_table", "profile_table", "compare"}
    for tool in tools.values():
        assert tool["outputSchema"]["type"] == "object"
        assert tool["annotations"]["readOnlyHint"] is True
        assert all("description" in each for name, each in tool["inputSchema"]["properties"].items()), tool["name"]


async def test_every_shape_is_the_same_in_every_way(ways: dict[str, Call]) -> None:
    for tool, arguments, expected in SHAPES:
        for way, call in ways.items():
            outcome = await call(tool, arguments)
            assert outcome.words is None, (tool, way, outcome.words)
            assert {name: outcome.result[name] for name in expected} == expected, (tool, way)


async def test_every_error_is_the_same_in_every_way(ways: dict[str, Call]) -> None:
    for name, tool, arguments, code, status, words in ERRORS:
        for way, call in ways.items():
            outcome = await call(tool, arguments)
            assert words in (outcome.words or ""), (name, way, outcome)
            if way != "mcp":
                assert (outcome.code, outcome.status) == (code, status), (name, way)


@pytest.mark.parametrize("data", [None, 1, 1.5, "text", '{"a": 1}', True, [], {}, [1, {"a": None}]])
async def test_any_json_value_is_data_and_stays_what_it_is(validator: Federation, data: Any) -> None:
    reply = await validator.call(ID, "validate_json", {"schema": {"const": data}, "data": data})
    assert reply["valid"]
