"""One HTTP operation: a typed method of a station, and what the API document says of it, kept in one place.

The method's signature is the contract. A parameter named `path`, `query`, `headers` or `body` is filled from that
part of the request, checked by the model it is annotated with; `body: bytes` takes the JSON unparsed. One named
`caller` is the `Principal` who asks. The same models make the API document, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import getdoc
from typing import Any, TypedDict, TypeVar, Unpack, get_type_hints

from aiohttp import web
from pydantic import BaseModel

from bus.access import Principal
from bus.errors import (
    DirectoryAway,
    Disconnected,
    FederationError,
    Internal,
    InvalidRequest,
    Malformed,
    OutcomeUnknown,
    RateLimited,
    TooLarge,
    UnknownMember,
    UnsupportedMedia,
)
from bus.validation import validated
from gateway import reading
from gateway.refusals import ForeignOrigin, Misdirected, SlowRequest
from gateway.requests import PRINCIPAL
from gateway.shapes import NoQuery

Method = Callable[..., Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.Response]]
Refusals = tuple[type[FederationError], ...]
Decorated = TypeVar("Decorated", bound=Method)

EVERYWHERE: Refusals = (InvalidRequest, ForeignOrigin, Misdirected, RateLimited, Internal)
WITH_A_BODY: Refusals = (Malformed, TooLarge, UnsupportedMedia, SlowRequest)
READS: Refusals = (DirectoryAway, Disconnected)
WRITES: Refusals = (*READS, OutcomeUnknown)
OF_A_MEMBER: Refusals = (UnknownMember,)

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One way an operation can succeed: its shape, or its media type where it is not JSON."""

    model: type[BaseModel] | None = None
    media: str = JSON
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client must know of one method and path."""

    method: str
    path: str
    tag: str
    answers: Mapping[int, Answer]
    refusals: Refusals
    body_model: type[BaseModel] | None = None
    """The shape of a body that is taken as bytes."""
    example: Mapping[str, Any] | None = None
    """A body for people to try."""
    any_host: bool = False
    """Answered whatever the `Host` header says: a probe dials an address, not a name."""
    quiet: bool = False
    """Asked so often by machines that it is logged at debug level only, and takes no offence at a parameter."""
    name: str = ""
    summary: str = ""
    description: str = ""
    path_model: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None
    body: type[Any] | None = None
    takes_caller: bool = False
    """The method has a parameter `caller`."""

    @property
    def shown_body(self) -> type[BaseModel] | None:
        """The model that describes the body, if there is one."""
        return self.body_model or self.body

    def all_refusals(self) -> Refusals:
        """Every way it can fail, the common ones included."""
        return (*EVERYWHERE, *(WITH_A_BODY if self.body is not None else ()), *self.refusals)


@dataclass(frozen=True, slots=True)
class Route:
    """An operation with the bound method that does it."""

    operation: Operation
    method: Method


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost before its handler has seen it."""

    body_bytes: int
    body_timeout_s: float


class More(TypedDict, total=False):
    """Fields of `Operation` that few operations need."""

    body_model: type[BaseModel]
    example: Mapping[str, Any]
    any_host: bool
    quiet: bool


def operation(
    method: str, path: str, *, answers: Mapping[int, Answer], refusals: Refusals = (), tag: str, **more: Unpack[More]
) -> Callable[[Decorated], Decorated]:
    """Mark a station's method as an operation."""

    def mark(function: Decorated) -> Decorated:
        stated = Operation(method=method, path=path, tag=tag, answers=answers, refusals=refusals, **more)
        function.__dict__["operation"] = _described(stated, function)
        return function

    return mark


def routes_of(station: object) -> Iterator[Route]:
    """The operations of a station, in the order they are written."""
    for name, member in vars(type(station)).items():
        stated = getattr(member, "__dict__", {}).get("operation")
        if isinstance(stated, Operation):
            yield Route(stated, getattr(station, name))


def handler(route: Route, limits: Limits) -> Handler:
    """The aiohttp handler: reads what the operation declares, then calls the method."""

    async def handle(request: web.Request) -> web.Response:
        given = _read_head(route.operation, request)
        if route.operation.body is not None:
            given["body"] = await _read_body(route.operation.body, request, limits)
        if route.operation.takes_caller:
            given["caller"] = request[PRINCIPAL]
        return await route.method(**given)

    return handle


def _read_head(stated: Operation, request: web.Request) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if stated.path_model is not None:
        given["path"] = validated(stated.path_model, request.match_info)
    query_string = request.rel_url.raw_query_string
    if stated.query is not None:
        given["query"] = reading.read_query(stated.query, query_string)
    elif query_string and not stated.quiet:
        reading.read_query(NoQuery, query_string)
    if stated.headers is not None:
        given["headers"] = reading.read_headers(stated.headers, request.headers)
    return given


async def _read_body(kind: type[Any], request: web.Request, limits: Limits) -> Any:
    body = await reading.read_body(request, limit=limits.body_bytes, timeout=limits.body_timeout_s)
    return body if kind is bytes else reading.read_object(body, kind)


def _described(stated: Operation, function: Method) -> Operation:
    hints = get_type_hints(function)
    summary, _, description = (getdoc(function) or "").partition("\n")
    return replace(
        stated,
        name=function.__name__,
        summary=summary.rstrip("."),
        description=description.strip(),
        path_model=hints.get("path"),
        query=hints.get("query"),
        headers=hints.get("headers"),
        body=hints.get("body"),
        takes_caller=hints.get("caller") is Principal,
    )
