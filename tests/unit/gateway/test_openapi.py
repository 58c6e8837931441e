from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from openapi_spec_validator import validate
from pydantic import BaseModel, ConfigDict, Field

from bus.errors import Busy, NoInstance
from gateway.openapi import About, document
from gateway.operations import Answer, operation, routes_of


class _Path(BaseModel):
    id: Annotated[str, Field(pattern="^[a-z]+$")]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tag: Annotated[list[str], Field(default_factory=list, max_length=3)]
    q: str | None = None
    limit: int = Field(default=5, ge=1, description="How many")


class _Headers(BaseModel):
    deadline: int | None = Field(default=None, alias="X-Deadline")


class _Thing(BaseModel):
    """A thing."""

    name: str


class _Station:
    @operation("GET", "/things/{id}", tag="things", answers={200: Answer(_Thing)})
    async def get_thing(self, path: _Path, query: _Query) -> web.Response:
        """One thing.

        Longer words.
        """
        raise NotImplementedError

    @operation(
        "POST",
        "/things",
        tag="things",
        answers={200: Answer(_Thing), 503: Answer(_Thing, description="Not now")},
        refusals=(Busy, NoInstance),
        body_model=_Thing,
        example={"name": "x"},
    )
    async def make_thing(self, body: bytes, headers: _Headers) -> web.Response:
        """Make one."""
        raise NotImplementedError


def _document() -> dict[str, Any]:
    stated = [route.operation for route in routes_of(_Station())]
    return document(stated, About("Things", "1.2.3", "http://127.0.0.1:1", maxima={"X-Deadline": 7}))


def _parameters() -> dict[str, Any]:
    return {given["name"]: given for given in _document()["paths"]["/things/{id}"]["get"]["parameters"]}


def test_the_document_is_valid_openapi_3_1() -> None:
    validate(_document())
    assert _document()["openapi"].startswith("3.1.")


def test_the_docstring_is_the_description() -> None:
    described = _document()["paths"]["/things/{id}"]["get"]
    assert (described["operationId"], described["summary"]) == ("get_thing", "One thing")
    assert described["description"] == "Longer words."


def test_a_path_parameter_is_required_and_keeps_its_pattern() -> None:
    assert _parameters()["id"] == {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"pattern": "^[a-z]+$", "type": "string"},
    }


def test_a_query_parameter_keeps_its_limits_and_default() -> None:
    assert _parameters()["limit"] == {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"default": 5, "minimum": 1, "type": "integer"},
        "description": "How many",
    }


def test_an_optional_parameter_is_never_null() -> None:
    assert _parameters()["q"]["schema"] == {"type": "string"}


def test_a_repeatable_parameter_is_an_array() -> None:
    assert _parameters()["tag"]["schema"] == {"type": "array", "items": {"type": "string"}, "maxItems": 3}


def test_a_header_goes_by_its_name_on_the_wire() -> None:
    (header,) = _document()["paths"]["/things"]["post"]["parameters"]
    assert (header["name"], header["in"]) == ("X-Deadline", "header")


def test_a_limit_of_the_settings_is_shown_as_it_is_set() -> None:
    (header,) = _document()["paths"]["/things"]["post"]["parameters"]
    assert header["schema"] == {"type": "integer", "maximum": 7}


def test_a_body_taken_as_bytes_is_described_by_its_model() -> None:
    body = _document()["paths"]["/things"]["post"]["requestBody"]
    assert body["content"]["application/json"] == {
        "schema": {"$ref": "#/components/schemas/_Thing"},
        "example": {"name": "x"},
    }


def test_every_way_to_fail_is_listed_under_its_status() -> None:
    responses = _document()["paths"]["/things"]["post"]["responses"]
    assert {"400", "403", "408", "413", "415", "421", "429", "500", "503"} <= set(responses)
    assert "`busy`" in responses["429"]["description"]
    assert "Retry-After" in responses["429"]["headers"]


def test_a_path_without_a_body_does_not_fail_on_one() -> None:
    assert "413" not in _document()["paths"]["/things/{id}"]["get"]["responses"]


def test_a_status_with_two_meanings_has_both_shapes() -> None:
    response = _document()["paths"]["/things"]["post"]["responses"]["503"]
    shapes = [shape["$ref"].rpartition("/")[2] for shape in response["content"]["application/json"]["schema"]["anyOf"]]
    assert shapes == ["_Thing", "ErrorBody"]
    assert "Not now" in response["description"]
