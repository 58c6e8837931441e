from __future__ import annotations

import base64
import hashlib
import re
import shlex
from html.parser import HTMLParser
from typing import Any

from gateway.pages import POLICY, api_page, curl_line, front_page

HOSTILE = '<script>alert("x")</script>'


def _description(text: str = "plain") -> dict[str, Any]:
    described = {
        "operationId": "do",
        "summary": text,
        "description": text,
        "tags": [text],
        "parameters": [
            {"name": text, "in": "query", "schema": {"type": "string", "pattern": text}, "description": text}
        ],
        "requestBody": {
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}, "example": {"a": text}}}
        },
        "responses": {"200": {"description": text, "content": {"application/json": {"schema": {"enum": [text]}}}}},
    }
    return {
        "info": {"title": text, "version": text},
        "servers": [{"url": "http://127.0.0.1:1"}],
        "paths": {"/do/{id}": {"post": described}},
        "components": {"schemas": {"Body": {"type": "object", "description": text}}},
    }


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def _tags(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    return parser


def test_nothing_from_the_description_becomes_markup() -> None:
    assert "script" not in _tags(api_page(_description(HOSTILE))).found


def test_the_pages_fetch_nothing_from_elsewhere() -> None:
    for page in (api_page(_description()), front_page("t")):
        assert all(link.startswith(("/", "#")) for link in _tags(page).links)
        assert _tags(page).found.isdisjoint({"script", "link", "img", "iframe"})


def test_the_policy_allows_exactly_the_style_of_the_page() -> None:
    style = re.search(r"<style>(.*?)</style>", front_page("t"), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_the_page_shows_method_path_parameters_and_shapes() -> None:
    page = api_page(_description())
    for text in ("POST", "/do/{id}", 'href="#shape-Body"', 'id="shape-Body"', "curl -s"):
        assert text in page


def test_a_curl_line_survives_the_shell() -> None:
    described = _description("it's")["paths"]["/do/{id}"]["post"]
    words = shlex.split(curl_line("http://127.0.0.1:1", "post", "/do/{id}", described))
    assert words[:4] == ["curl", "-s", "-X", "POST"]
    assert words[-2:] == ['{"a":"it\'s"}', "http://127.0.0.1:1/do/id"]
