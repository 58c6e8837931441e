"""One validation by jsonschema-rs. Runs in workers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import jsonschema_rs
from jsonschema_rs import ReferencingError, ValidationError

from members.sandbox.refusals import Forbidden, Invalid, Refusal
from members.sandbox.worker import Report

DRAFTS: Mapping[str, str] = {
    "Draft202012Validator": "2020-12",
    "Draft201909Validator": "2019-09",
    "Draft7Validator": "draft-07",
    "Draft6Validator": "draft-06",
    "Draft4Validator": "draft-04",
}
MAX_MESSAGE = 300
OWN = "json-schema:///"
"""Where jsonschema-rs puts a schema that has no place of its own."""


class Validator(Protocol):
    """What this module uses of a validator."""

    def iter_errors(self, instance: Any) -> Any: ...


class References:
    """Gives the documents that came with the call, and notes what else a schema asked for."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = {uri.removesuffix("#"): document for uri, document in given.items()}
        self.asked: list[str] = []

    def __call__(self, uri: str, /) -> Any:
        for name in (uri, uri.removeprefix(OWN)):
            if name in self._given:
                return self._given[name]
        self.asked.append(uri)
        raise ValueError("not retrieved")


def validate(arguments: Mapping[str, Any], _: Report) -> dict[str, Any]:
    """The job: `schema`, `data`, `references`, `formats` and `max_errors` in; the verdict and its errors out."""
    schema, limit = arguments["schema"], arguments["max_errors"]
    validator = compiled(schema, arguments.get("references", {}), formats=arguments.get("formats", True))
    found = list(islice(validator.iter_errors(arguments["data"]), limit + 1))
    return {
        "valid": not found,
        "errors": [told(error) for error in found[:limit]],
        "more_errors": len(found) > limit,
        "draft": DRAFTS[type(validator).__name__],
        "draft_declared": isinstance(schema, dict) and "$schema" in schema,
    }


def compiled(schema: Any, given: Mapping[str, Any], *, formats: bool = True) -> Validator:
    """A validator. Raises Forbidden for a reference to a document that was not given, Invalid for a schema that is
    none."""
    references = References(given)
    try:
        return jsonschema_rs.validator_for(schema, retriever=references, validate_formats=formats)
    except (ValidationError, ReferencingError, ValueError) as error:
        raise fault(schema, error, references.asked) from None


def fault(schema: Any, error: Exception, asked: Sequence[str]) -> Refusal:
    """Why a schema is not used, in one line."""
    text = shown(str(getattr(error, "message", error)))
    if isinstance(schema, dict) and (asked[:1] == [schema.get("$schema")] or "meta-schema" in text):
        return Invalid(
            f"schema: $schema names no draft that is known; known: {', '.join(DRAFTS.values())}", field="schema"
        )
    if asked:
        target = shown(asked[0].removeprefix(OWN))
        return Forbidden(f"schema: the reference to {target} leaves the schema; nothing is fetched", field="schema")
    return Invalid(f"schema: {text}", field="schema", **where(error))


def where(error: Exception) -> dict[str, str]:
    """The place in the schema, where there is one."""
    path = getattr(error, "instance_path", None)
    return {"path": pointer(path)} if path else {}


def told(error: ValidationError) -> dict[str, str]:
    """One error: where in the data, what, where in the schema, by which keyword."""
    return {
        "path": pointer(error.instance_path),
        "message": shown(error.message),
        "schema_path": pointer(error.schema_path),
        "keyword": error.kind.name,
    }


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901); empty for the whole document."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def shown(text: str) -> str:
    """At most `MAX_MESSAGE` characters of a text that may quote the data."""
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
