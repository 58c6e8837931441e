"""The API's description, OpenAPI 3.1, made from the operations and the models that check the requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from bus.errors import FederationError, Unauthenticated
from gateway.access.rules import need_of
from gateway.operations import JSON, Answer, Operation
from gateway.refusals import InsufficientScope
from gateway.requests import REQUEST_ID
from gateway.shapes import ErrorBody

VERSION = "3.1.1"
_REF = "#/components/schemas/{model}"
Schemas = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]
"""Each model's place in the document, by model and by whether it is read or written."""


@dataclass(frozen=True, slots=True)
class About:
    """What the document says beside the operations."""

    title: str
    version: str
    url: str
    """Base URL under which the operations are served."""
    maxima: Mapping[str, float] = field(default_factory=dict)
    """Upper limits of parameters that come from the settings, by parameter."""
    schemes: tuple[str, ...] = ()
    """The ways to prove who one is, by their names in `SCHEMES`; none: nothing is asked."""


def document(operations: Iterable[Operation], about: About) -> dict[str, Any]:
    """The description of `operations`, ready to be written as JSON."""
    offered = list(operations)
    schemas, definitions = models_json_schema(_models(offered), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for stated in offered:
        described = _operation(stated, schemas, about.maxima)
        paths.setdefault(stated.path, {})[stated.method.lower()] = described | _secured(
            stated, about, schemas, described
        )
    return {
        "openapi": VERSION,
        "info": {"title": about.title, "version": about.version, "license": _LICENSE},
        "servers": [{"url": about.url}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "headers": _HEADERS,
            **({"securitySchemes": {name: SCHEMES[name] for name in about.schemes}} if about.schemes else {}),
        },
    }


def _models(offered: Iterable[Operation]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    found: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(ErrorBody, "serialization"): None}
    for stated in offered:
        asked = (stated.path_model, stated.query, stated.headers, stated.shown_body)
        found |= {(model, "validation"): None for model in asked if model is not None}
        found |= {(answer.model, "serialization"): None for answer in stated.answers.values() if answer.model}
    return list(found)


def _operation(stated: Operation, schemas: Schemas, maxima: Mapping[str, float]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": stated.name,
        "summary": stated.summary,
        "tags": [stated.tag],
        "parameters": [
            _limited(parameter, maxima)
            for place, model in (("path", stated.path_model), ("query", stated.query), ("header", stated.headers))
            for parameter in _parameters(place, model)
        ],
        "responses": _responses(stated, schemas),
    }
    if stated.description:
        described["description"] = stated.description
    if stated.shown_body is not None:
        described["requestBody"] = _request_body(stated, schemas)
    return described


def _secured(stated: Operation, about: About, schemas: Schemas, described: Mapping[str, Any]) -> dict[str, Any]:
    """What an operation asks of its caller, and how it refuses."""
    need = need_of(stated.method, stated.path)
    if not about.schemes:
        return {}
    if need is None or need.open:
        return {"security": []}
    more = (Unauthenticated, InsufficientScope) if need.rights else (Unauthenticated,)
    failures = _failures(replace(stated, refusals=(*stated.refusals, *more)), schemas)
    refusals = {status: failures[status] for status in ("401", "403") if status in failures}
    ways = [[right.value] for right in need.rights] or [[]]
    return {
        "security": [{name: rights} for name in about.schemes for rights in ways],
        "responses": {**described["responses"], **refusals},
    }


# asked ------------------------------------------------------------------------------------------------------------


def _parameters(place: str, model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    shape = model.model_json_schema(ref_template=_REF)
    required = set(shape.get("required", ()))
    return [_parameter(place, name, schema, name in required) for name, schema in shape["properties"].items()]


def _parameter(place: str, name: str, schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    """One parameter. It is there or it is not: a `null` that means absence is not part of its schema."""
    shown = {key: value for key, value in schema.items() if key not in ("anyOf", "title", "description")}
    if shown.get("default", ...) is None:
        del shown["default"]
    for option in schema.get("anyOf", ()):
        if option != {"type": "null"}:
            shown |= option
    described: dict[str, Any] = {"name": name, "in": place, "required": required, "schema": shown}
    if "description" in schema:
        described["description"] = schema["description"]
    return described


def _limited(parameter: dict[str, Any], maxima: Mapping[str, float]) -> dict[str, Any]:
    if parameter["name"] in maxima:
        parameter["schema"]["maximum"] = maxima[parameter["name"]]
    return parameter


def _request_body(stated: Operation, schemas: Schemas) -> dict[str, Any]:
    assert stated.shown_body is not None
    content: dict[str, Any] = {"schema": schemas[stated.shown_body, "validation"]}
    if stated.example is not None:
        content["example"] = dict(stated.example)
    return {"required": True, "content": {JSON: content}}


# answered ---------------------------------------------------------------------------------------------------------


def _responses(stated: Operation, schemas: Schemas) -> dict[str, Any]:
    responses = {str(status): _success(answer, schemas) for status, answer in stated.answers.items()}
    for status, failure in _failures(stated, schemas).items():
        responses[status] = _either(responses[status], failure) if status in responses else failure
    return responses


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """One response for two shapes of the same status."""
    both = [response["content"][JSON]["schema"] for response in (one, other)]
    text = f"{one['description']}\n\n{other['description']}"
    return {**other, "description": text, "content": {JSON: {"schema": {"anyOf": both}}}}


def _success(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    shape = schemas[answer.model, "serialization"] if answer.model is not None else {}
    text = answer.description or (answer.model.__doc__ if answer.model is not None else "") or "Done"
    return {"description": text.strip(), "headers": _ECHOED, "content": {answer.media: {"schema": shape}}}


def _failures(stated: Operation, schemas: Schemas) -> dict[str, Any]:
    by_status: dict[int, list[type[FederationError]]] = {}
    for refusal in dict.fromkeys(stated.all_refusals()):
        by_status.setdefault(refusal.http_status, []).append(refusal)
    return {str(status): _failure(kinds, schemas) for status, kinds in sorted(by_status.items())}


def _failure(kinds: list[type[FederationError]], schemas: Schemas) -> dict[str, Any]:
    lines = [f"`{kind.code}`: {(kind.__doc__ or '').strip().splitlines()[0]}" for kind in kinds]
    retried = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}} if any(k.retryable for k in kinds) else {}
    return {
        "description": "\n\n".join(lines),
        "headers": {**_ECHOED, **retried},
        "content": {JSON: {"schema": schemas[ErrorBody, "serialization"]}},
    }


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_ECHOED = {REQUEST_ID: {"$ref": f"#/components/headers/{REQUEST_ID}"}}
_HEADERS = {
    REQUEST_ID: {"description": "The request's id: the client's own or a new one", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before trying again", "schema": {"type": "integer"}},
}
SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or an access token of an authorization server that this gateway trusts",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key"},
    "mutualTLS": {"type": "mutualTLS", "description": "A client certificate that is mapped to a principal"},
}
"""The ways to prove who one is."""
