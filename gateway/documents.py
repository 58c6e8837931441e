"""What the gateway says of itself: the API's description as JSON and as a page, and a front page of links.

The pages hold everything they need and run no script: their policy allows one style sheet, by hash.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import orjson
from aiohttp import web

from gateway.border import json_answer
from gateway.openapi import About, document
from gateway.operations import Answer, Operation, operation
from gateway.pages import POLICY, api_page, front_page

TAG = "about"
TITLE = "OMEGA Federation"
HTML = "text/html"


class Description:
    """`/openapi.json`: made when the operations are known, served as it is."""

    def __init__(self, about: About) -> None:
        self._about = about
        self.value: dict[str, Any] = {}
        self._body = b"{}"

    def cover(self, operations: Iterable[Operation]) -> None:
        """Describe `operations` from now on."""
        self.value = document(operations, self._about)
        self._body = orjson.dumps(self.value)

    @operation("GET", "/openapi.json", tag=TAG, answers={200: Answer(description="An OpenAPI 3.1 document")})
    async def openapi(self) -> web.Response:
        """This description."""
        return json_answer(self._body)


class Pages:
    """The pages for people."""

    def __init__(self, description: Description) -> None:
        self._description = description

    @operation("GET", "/docs", tag=TAG, answers={200: Answer(media=HTML, description="A page")})
    async def docs(self) -> web.Response:
        """This description as a page: every path with its parameters, shapes and a curl line."""
        return _page(self._docs)

    @operation("GET", "/", tag=TAG, answers={200: Answer(media=HTML, description="A page")})
    async def front(self) -> web.Response:
        """Where to go from here."""
        return _page(front_page(TITLE))

    @cached_property
    def _docs(self) -> str:
        return api_page(self._description.value)


def _page(text: str) -> web.Response:
    return web.Response(text=text, content_type=HTML, headers={"Content-Security-Policy": POLICY})
