"""One validation: every error with its place, no reference followed."""

from __future__ import annotations

from typing import Any

import pytest

from members.data_validator.validation import pointer, validate
from members.sandbox.refusals import Forbidden, Invalid


def verdict(schema: Any, data: Any, max_errors: int = 100) -> dict[str, Any]:
    return validate({"schema": schema, "data": data, "max_errors": max_errors}, lambda step: None)


def test_valid_data_has_no_errors() -> None:
    assert verdict({"type": "integer"}, 3) == {
        "valid": True, "errors": [], "more_errors": False, "draft": "2020-12", "draft_declared": False,
    }  # fmt: skip


def test_every_error_has_its_place_in_data_and_schema() -> None:
    schema = {
        "properties": {"a": {"minimum": 3}, "b": {"items": {"type": "string"}}},
        "required": ["c"],
        "additionalProperties": False,
    }
    reply = verdict(schema, {"a": 1, "b": ["x", 2], "z": 0})
    assert not reply["valid"]
    assert {(each["path"], each["schema_path"], each["keyword"]) for each in reply["errors"]} == {
        ("/a", "/properties/a/minimum", "minimum"),
        ("/b/1", "/properties/b/items/type", "type"),
        ("", "/additionalProperties", "additionalProperties"),
        ("", "/required", "required"),
    }


def test_a_pointer_escapes_what_means_something_in_it() -> None:
    assert pointer(["a~/b", 0, ""]) == "/a~0~1b/0/"
    assert verdict({"properties": {"a~/b": {"type": "null"}}}, {"a~/b": 1})["errors"][0]["path"] == "/a~0~1b"


@pytest.mark.parametrize(
    ("declared", "draft"),
    [
        ("https://json-schema.org/draft/2020-12/schema", "2020-12"),
        ("https://json-schema.org/draft/2019-09/schema", "2019-09"),
        ("http://json-schema.org/draft-07/schema#", "draft-07"),
        ("http://json-schema.org/draft-06/schema#", "draft-06"),
        ("http://json-schema.org/draft-04/schema#", "draft-04"),
    ],
)
def test_drafts_are_told_apart(declared: str, draft: str) -> None:
    reply = verdict({"$schema": declared}, 1)
    assert (reply["draft"], reply["draft_declared"]) == (draft, True)


def test_a_keyword_means_what_its_draft_says() -> None:
    draft4 = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}
    assert not verdict(draft4, 1)["valid"]
    assert verdict({"minimum": 1}, 1)["valid"]


def test_an_unknown_draft_lists_the_known_ones() -> None:
    with pytest.raises(Invalid, match=r"known: 2020-12, .*draft-04"):
        verdict({"$schema": "https://example.org/mine"}, 1)


@pytest.mark.parametrize(
    "reference", ["http://127.0.0.1:1/s.json", "https://example.org/s", "file:///etc/passwd", "other.json"]
)
def test_a_reference_that_leaves_the_schema_is_refused(reference: str) -> None:
    with pytest.raises(Forbidden, match=f"the reference to {reference} leaves the schema; nothing is fetched"):
        verdict({"$ref": reference}, 1)


def test_references_inside_the_schema_are_followed_also_in_circles() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}, "type": "object"}},
    }
    assert verdict(tree, {"next": {"next": {}}})["valid"]
    assert verdict(tree, {"next": {"next": 1}})["errors"][0]["path"] == "/next/next"
    assert verdict({"$ref": "#"}, 1)["valid"]


@pytest.mark.parametrize(
    ("schema", "place"),
    [({"type": "nope"}, "/type"), ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern")],
)
def test_a_schema_that_is_none_names_its_fault(schema: Any, place: str) -> None:
    with pytest.raises(Invalid, match="schema: ") as caught:
        verdict(schema, 1)
    assert caught.value.details["path"] == place


def test_a_reference_to_nowhere_is_a_fault_of_the_schema() -> None:
    with pytest.raises(Invalid, match="nowhere"):
        verdict({"$ref": "#/nowhere"}, 1)


@pytest.mark.parametrize(("schema", "valid"), [(True, True), (False, False)])
def test_a_boolean_is_a_schema(schema: bool, valid: bool) -> None:
    assert verdict(schema, 1)["valid"] is valid


def test_formats_are_checked() -> None:
    assert not verdict({"format": "date-time"}, "yesterday")["valid"]
    assert verdict({"format": "date-time"}, "2026-01-02T03:04:05Z")["valid"]


def test_a_pattern_made_to_hang_does_not() -> None:
    assert not verdict({"pattern": "^(a+)+$"}, "a" * 60 + "!")["valid"]


def test_errors_are_bounded_and_the_rest_is_told() -> None:
    reply = verdict({"items": {"type": "string"}}, list(range(50)), max_errors=10)
    assert (len(reply["errors"]), reply["more_errors"]) == (10, True)
    assert verdict({"items": {"type": "string"}}, list(range(10)), max_errors=10)["more_errors"] is False


def test_a_message_does_not_carry_the_whole_data() -> None:
    reply = verdict({"type": "integer"}, "x" * 100_000)
    assert len(reply["errors"][0]["message"]) <= 300
