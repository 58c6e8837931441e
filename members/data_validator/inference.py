"""A JSON Schema from samples, by genson, with formats where every sample agrees. Runs in workers only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema_rs
from genson import SchemaBuilder  # type: ignore[import-untyped]  # it ships no types

from members.sandbox.worker import Report

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FORMATS = ("date-time", "date", "time", "uuid", "email", "ipv4", "ipv6", "uri")
"""Those that are proposed, the first that fits; looser ones would fit almost any text."""
MAX_ENUM = 20

Place = tuple[str, ...]
"""Where a value stands in samples: names of objects, `*` for the members of a list (an object's name `*` is `\\*`)."""


def infer(arguments: Mapping[str, Any], _: Report) -> dict[str, Any]:
    """The job: `samples`, and whether `enums` are wanted, in; the schema out."""
    samples = arguments["samples"]
    builder = SchemaBuilder(schema_uri=DIALECT)
    for sample in samples:
        builder.add_object(sample)
    schema = builder.to_schema()
    texts: dict[Place, list[str]] = {}
    for sample in samples:
        for place, text in strings(sample, ()):
            texts.setdefault(place, []).append(text)
    refine(schema, (), texts, enums=arguments["enums"])
    return {"schema": schema, "samples": len(samples)}


def strings(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Every text in a sample with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, inside in value.items():
            yield from strings(inside, (*place, step(name)))
    elif isinstance(value, list):
        for inside in value:
            yield from strings(inside, (*place, "*"))


def step(name: str) -> str:
    """A name as a step of a place."""
    return f"\\{name}" if name[:1] in ("*", "\\") else name


def refine(schema: dict[str, Any], place: Place, texts: Mapping[Place, Sequence[str]], *, enums: bool) -> None:
    """Add formats, or enums, to the schemas of texts, in place."""
    for branch in schema.get("anyOf", ()):
        refine(branch, place, texts, enums=enums)
    types = schema.get("type")
    if "string" in (types if isinstance(types, list) else [types]):
        found = texts.get(place, ())
        if enums and types == "string" and (values := few(found)):
            schema["enum"] = values
        elif told := common_format(found):
            schema["format"] = told
    for name, inside in schema.get("properties", {}).items():
        refine(inside, (*place, step(name)), texts, enums=enums)
    if isinstance(schema.get("items"), dict):
        refine(schema["items"], (*place, "*"), texts, enums=enums)


def few(texts: Sequence[str]) -> list[str] | None:
    """The distinct texts, where they are few and come again: one text seen once is an example, not a choice."""
    distinct = sorted(set(texts))
    return distinct if len(distinct) <= MAX_ENUM and len(distinct) * 2 <= len(texts) else None


def common_format(texts: Sequence[str]) -> str | None:
    """The first format that every text has."""
    if not texts:
        return None
    found = next((name for name in FORMATS if all(map(CHECKS[name], texts))), None)
    # `kind:value` is a URI by the letter, and hardly ever meant as one
    return found if found != "uri" or all("://" in text for text in texts) else None


def _check(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"type": "string", "format": name}, validate_formats=True).is_valid


CHECKS = {name: _check(name) for name in FORMATS}
