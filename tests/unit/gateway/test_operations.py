from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel

from bus.errors import Busy, InvalidRequest, TooLarge
from gateway.operations import Answer, Operation, operation, routes_of


class _Path(BaseModel):
    id: str


class _Body(BaseModel):
    name: str


class _Station:
    @operation("GET", "/one/{id}", tag="t", answers={200: Answer()}, quiet=True)
    async def first(self, path: _Path) -> web.Response:
        """The first.

        More of it.
        """
        return web.Response()

    @operation("POST", "/two", tag="t", answers={200: Answer()}, refusals=(Busy,))
    async def second(self, body: _Body) -> web.Response:
        """The second."""
        return web.Response()

    async def no_operation(self) -> None:
        """Not for clients."""


def _stated() -> list[Operation]:
    return [route.operation for route in routes_of(_Station())]


def test_the_marked_methods_are_the_routes_in_their_order() -> None:
    assert [(stated.method, stated.path, stated.name) for stated in _stated()] == [
        ("GET", "/one/{id}", "first"),
        ("POST", "/two", "second"),
    ]


def test_the_methods_of_routes_are_bound_to_their_station() -> None:
    station = _Station()
    assert [route.method.__self__ for route in routes_of(station)] == [station, station]  # type: ignore[attr-defined]  # bound


def test_the_signature_says_what_is_read() -> None:
    first, second = _stated()
    assert (first.path_model, first.query, first.headers, first.body) == (_Path, None, None, None)
    assert (second.path_model, second.body, second.shown_body) == (None, _Body, _Body)


def test_the_docstring_says_what_is_shown() -> None:
    first, _ = _stated()
    assert (first.summary, first.description) == ("The first", "More of it.")


def test_what_can_go_wrong_with_a_body_is_only_said_where_there_is_one() -> None:
    first, second = _stated()
    assert InvalidRequest in first.all_refusals()
    assert TooLarge not in first.all_refusals()
    assert {TooLarge, Busy} <= set(second.all_refusals())
