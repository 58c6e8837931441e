"""HTML made from the API's description: pure text in, text out. Every value is escaped where it enters the page."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import orjson

Described = Mapping[str, Any]

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;padding:.6rem .8rem;border:1px solid #8884;border-radius:.3rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #8884;padding:.2rem .6rem;text-align:left}
section{border-top:1px solid #8884;margin-top:1.5rem}
h3 code{font-size:1rem}.get{color:#1a7f37}.post{color:#0969da}.delete{color:#cf222e}
"""
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""The Content-Security-Policy of every page here."""

LINKS = (
    ("/docs", "The HTTP API, path by path"),
    ("/openapi.json", "The same for programs (OpenAPI 3.1)"),
    ("/mcp/resources/omega/directory/servers", "The members that are active now"),
    ("/mcp/resources/omega/directory/tags", "Their tags"),
    ("/health", "Health"),
    ("/metrics", "Metrics for Prometheus"),
)


def front_page(title: str) -> str:
    """A plain page of links."""
    items = "".join(f'<li><a href="{path}">{path}</a> {escape(text)}</li>' for path, text in LINKS)
    return _html(title, f"<h1>{escape(title)}</h1><ul>{items}</ul>")


def api_page(description: Described) -> str:
    """The description as a page: paths by subject, then the shapes they use."""
    about = description["info"]
    title = escape(f"{about['title']} {about['version']}")
    head = f"<h1>{title}</h1><p>Errors have one shape, {_shape_link('ErrorBody')}.</p>"
    return _html(f"{about['title']}: HTTP API", head + "".join(_groups(description)) + _shapes(description))


def curl_line(url: str, method: str, path: str, described: Described) -> str:
    """A line to paste into a shell that tries one operation."""
    words = ["curl", "-s"]
    if method != "get":
        words += ["-X", method.upper()]
    content = described.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        words += ["-H", "Content-Type: application/json", "-d", orjson.dumps(content.get("example", {})).decode()]
    return shlex.join([*words, url + path.replace("{", "").replace("}", "")])


def _groups(description: Described) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    url = description["servers"][0]["url"]
    for path, methods in description["paths"].items():
        for method, described in methods.items():
            by_tag.setdefault(described["tags"][0], []).append(_operation(url, method, path, described))
    for tag, operations in by_tag.items():
        yield f"<section><h2>{escape(tag.capitalize())}</h2>{''.join(operations)}</section>"


def _operation(url: str, method: str, path: str, described: Described) -> str:
    head = f'<code><b class="{method}">{method.upper()}</b> {escape(path)}</code>'
    parts = [
        f'<h3 id="{escape(described["operationId"])}">{head}</h3>',
        f"<p>{escape(described['summary'])}. {escape(described.get('description', ''))}</p>",
        _parameters(described["parameters"]),
        _body(described),
        _responses(described["responses"]),
        f"<pre>{escape(curl_line(url, method, path, described))}</pre>",
    ]
    return "".join(parts)


def _parameters(parameters: list[Described]) -> str:
    rows = [
        f"<tr><td><code>{escape(given['name'])}</code></td><td>{given['in']}</td><td>{_schema(given['schema'])}</td>"
        f"<td>{escape(given.get('description', ''))}</td></tr>"
        for given in parameters
    ]
    return f"<table><tr><th>parameter<th>in<th>type<th></tr>{''.join(rows)}</table>" if rows else ""


def _body(described: Described) -> str:
    content = described.get("requestBody", {}).get("content", {})
    return "".join(f"<p>Body: {_schema(form['schema'])}</p>" for form in content.values())


def _responses(responses: Mapping[str, Described]) -> str:
    rows = []
    for status, response in responses.items():
        shapes = ", ".join(_schema(form["schema"]) or escape(media) for media, form in response["content"].items())
        text = escape(response["description"]).replace("\n\n", "<br>")
        rows.append(f"<tr><td>{escape(status)}</td><td>{shapes}</td><td>{text}</td></tr>")
    return f"<details><summary>Answers</summary><table>{''.join(rows)}</table></details>"


def _schema(schema: Described) -> str:
    if "$ref" in schema:
        return _shape_link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_schema(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    limits = " ".join(f"{key} {schema[key]}" for key in _LIMITS if key in schema)
    return escape(f"{schema.get('type', '')} {limits}".strip())


def _shapes(description: Described) -> str:
    shapes = [
        f'<h3 id="shape-{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
        f"<pre>{escape(orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode())}</pre>"
        for name, schema in description["components"]["schemas"].items()
    ]
    return f"<section><h2>Shapes</h2>{''.join(shapes)}</section>"


def _shape_link(name: str) -> str:
    return f'<a href="#shape-{escape(name)}">{escape(name)}</a>'


def _html(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{body}</body></html>"
    )


_LIMITS = ("pattern", "minLength", "maxLength", "minimum", "maximum", "default")
