"""A schema from samples takes the samples."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from members.data_validator.inference import infer
from members.data_validator.validation import validate

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
names = st.text(max_size=3) | st.just("*")
json = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.text()
    | st.sampled_from(["2024-01-01", "2024-01-01T00:00:00Z", "a@b.example", "::1", "*", "\\*", "https://x.example/"]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(names, inside, max_size=4),
    max_leaves=12,
)


def schema_of(*samples: Any, enums: bool = False) -> Any:
    return infer({"samples": list(samples), "enums": enums}, lambda step: None)["schema"]


@settings(max_examples=150, deadline=None)
@given(st.lists(json, min_size=1, max_size=5), st.booleans())
def test_every_sample_is_valid(samples: list[Any], enums: bool) -> None:
    schema = schema_of(*samples, enums=enums)
    for sample in samples:
        reply = validate({"schema": schema, "data": sample, "max_errors": 3}, lambda step: None)
        assert reply["valid"], (schema, sample, reply["errors"])


def test_what_every_sample_has_is_required_and_what_all_texts_are_is_a_format() -> None:
    schema = schema_of({"id": 1, "at": "2024-01-01T00:00:00Z", "on": "2024-01-01"}, {"id": 2.5, "on": "soon"})
    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "id": {"type": "number"},
            "at": {"type": "string", "format": "date-time"},
            "on": {"type": "string"},
        },
        "required": ["id", "on"],
    }


def test_formats_are_found_inside_lists() -> None:
    schema = schema_of({"ids": ["7e57d004-2b97-0e7a-b45f-5387367791cd"] * 2})
    assert schema["properties"]["ids"]["items"] == {"type": "string", "format": "uuid"}


def test_an_enum_is_written_only_when_asked_and_only_for_texts_that_come_again() -> None:
    samples = [{"state": "open", "note": f"n{n}"} for n in range(10)] + [{"state": "closed", "note": "x"}]
    assert "enum" not in schema_of(*samples)["properties"]["state"]
    told = schema_of(*samples, enums=True)["properties"]
    assert told["state"]["enum"] == ["closed", "open"]
    assert "enum" not in told["note"]


def test_a_word_with_a_colon_is_no_uri() -> None:
    assert schema_of("a:b", "c:d") == {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string"}
    assert schema_of("https://a.example/")["format"] == "uri"
