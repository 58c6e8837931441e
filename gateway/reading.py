"""From what a client sent to checked values: query string, path, headers, body. Every refusal names the field."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar, get_origin
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from pydantic import BaseModel

from bus import codec
from bus.errors import InvalidRequest, Malformed, UnsupportedMedia
from bus.validation import validated
from gateway.border import body_too_large
from gateway.refusals import SlowRequest

Model = TypeVar("Model", bound=BaseModel)
MAX_PARAMETERS = 100
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def read_query(model: type[Model], query_string: str) -> Model:
    """The query string as `model`. Raises InvalidRequest: unknown, repeated or malformed parameter, by name."""
    return validated(model, _collected(model, _pairs(query_string)))


def read_headers(model: type[Model], headers: Mapping[str, str]) -> Model:
    """The headers that `model` names (by alias); all others are none of its business. Raises InvalidRequest."""
    return validated(model, {name: headers[name] for name in _header_names(model) if name in headers})


@lru_cache(maxsize=64)
def _header_names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


@lru_cache(maxsize=64)
def _list_names(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)


async def read_body(request: web.Request, *, limit: int, timeout: float) -> bytes:
    """The JSON body, not parsed; empty where none was sent. Raises UnsupportedMedia, TooLarge, SlowRequest."""
    if not request.can_read_body:
        return b""
    _check_form(request)
    if (request.content_length or 0) > limit:
        raise body_too_large(limit)
    try:
        if request.content.is_eof():
            return _arrived(request, limit)
        async with asyncio.timeout(timeout):
            await _ask_for_it(request)
            return await request.read()
    except TimeoutError as exc:
        raise SlowRequest(f"the body did not arrive within {timeout:g} s") from exc
    except web.RequestPayloadError as exc:
        raise Malformed("the body broke off or is not encoded as announced") from exc


def _arrived(request: web.Request, limit: int) -> bytes:
    """A body that is there whole already, as small ones are: nothing to wait for."""
    body = request.content.read_nowait()
    if len(body) > limit:
        raise body_too_large(limit)
    return body


def read_object(body: bytes, model: type[Model]) -> Model:
    """A body as `model`. Raises Malformed, InvalidRequest."""
    return validated(model, codec.decode(body))


async def expectation(_request: web.Request) -> None:
    """What `Expect: 100-continue` does when the head arrives: nothing, until the head was found good."""


async def _ask_for_it(request: web.Request) -> None:
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # the answer itself has not begun


def _check_form(request: web.Request) -> None:
    if request.headers.get(hdrs.CONTENT_TYPE, codec.JSON) == codec.JSON:
        return
    charset = request.charset or "utf-8"
    if request.content_type != codec.JSON or charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMedia(f"Content-Type: {codec.JSON} in UTF-8, not {request.headers[hdrs.CONTENT_TYPE][:80]!r}")


def _pairs(query_string: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query_string, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError as exc:
        raise InvalidRequest("the query string is not UTF-8") from exc
    except ValueError as exc:
        raise InvalidRequest(f"at most {MAX_PARAMETERS} parameters") from exc


def _collected(model: type[BaseModel], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    lists = _list_names(model)
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise InvalidRequest(f"{name[:80]}: given more than once", details={"field": name[:80]})
        else:
            found[name] = value
    return found
