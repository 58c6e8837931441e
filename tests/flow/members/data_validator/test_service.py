"""The Data Validator in a federation."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bus import BusSettings, CallOptions, Federation
from bus.errors import FederationError, InvalidArguments, NotAllowed, TooLarge, ToolError
from members.data_validator.service import build
from members.data_validator.settings import DataValidatorSettings
from members.sandbox.extras import MissingExtra
from tests.support.federation import running_member

ID = "data_validator_fastmcp"
PATIENT = CallOptions(timeout=30)


@pytest.fixture
async def validator(federation: Federation, settings: BusSettings) -> AsyncIterator[Federation]:
    own = DataValidatorSettings(max_bytes=100_000, max_depth=20, timeout_s=3, workers=1)
    async with running_member(build(own), settings):
        yield federation


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


def doubling(levels: int) -> dict[str, Any]:
    """A schema that looks at the data 2**levels times."""
    steps = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/s0", "$defs": steps | {f"s{levels}": {"type": "integer", "not": {"const": 2}}}}


async def test_it_is_there(validator: Federation) -> None:
    manifest = await validator.server(ID)
    assert (manifest["name"], manifest["status"]) == ("Data Validator", "active")
    assert [tool["name"] for tool in manifest["tools"]] == ["validate_json"]


async def test_every_error_comes_with_its_place(validator: Federation) -> None:
    schema = {"properties": {"age": {"type": "integer"}}, "required": ["name"]}
    reply = await validator.call(ID, "validate_json", {"schema": schema, "data": {"age": "old"}}, PATIENT)
    assert (reply["valid"], reply["draft"]) == (False, "2020-12")
    assert {each["path"] for each in reply["errors"]} == {"/age", ""}


@pytest.mark.parametrize("data", [None, 1, 1.5, "text", '{"a": 1}', True, [], {}, [1, {"a": None}]])
async def test_any_json_value_is_data_and_stays_what_it_is(validator: Federation, data: Any) -> None:
    reply = await validator.call(ID, "validate_json", {"schema": {"const": data}, "data": data}, PATIENT)
    assert reply["valid"]


BAD: list[tuple[str, dict[str, Any], type[FederationError], str]] = [
    ("no schema", {"data": 1}, InvalidArguments, "schema"),
    ("a text for a schema", {"schema": "x", "data": 1}, InvalidArguments, "schema"),
    ("a schema that is none", {"schema": {"type": "nope"}, "data": 1}, InvalidArguments, "nope"),
    ("a remote reference", {"schema": {"$ref": "http://127.0.0.1:1/x"}, "data": 1}, NotAllowed, "nothing is fetched"),
    ("an unknown draft", {"schema": {"$schema": "http://x.example/"}, "data": 1}, InvalidArguments, "draft"),
    ("deep data", {"schema": {}, "data": nested(21)}, TooLarge, "data is nested more than 20"),
    ("a deep schema", {"schema": {"a": nested(21)}, "data": 1}, TooLarge, "schema is nested more than 20"),
    ("large data", {"schema": {}, "data": "x" * 100_000}, TooLarge, "at most 100000"),
    ("a schema that takes for ever", {"schema": doubling(34), "data": 1}, ToolError, "limit of 3 s"),
]


@pytest.mark.parametrize("row", BAD, ids=[row[0] for row in BAD])
async def test_bad_input_fails_in_words(
    validator: Federation, row: tuple[str, dict[str, Any], type[FederationError], str]
) -> None:
    _, arguments, error, words = row
    with pytest.raises(error, match=words):
        await validator.call(ID, "validate_json", arguments, PATIENT)


def test_a_missing_validator_is_told_when_the_member_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(MissingExtra, match="Data Validator needs jsonschema_rs"):
        build()
