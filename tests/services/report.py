"""Uses the three services as a stock MCP client does and writes docs/services.md: `python -m tests.services.report`."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, ImageContent, Tool
from PIL import Image, ImageDraw

from gateway import Gateway, GatewaySettings
from members import Member
from members.code_analyzer import service as code_analyzer
from members.code_analyzer.settings import CodeAnalyzerSettings
from members.data_validator import service as data_validator
from members.image_service import service as image_service
from omega.testing import federation
from tests.flow.members.code_analyzer.git_server import GitServer, repository, serving
from tests.flow.members.code_analyzer.planted_report import found_in_planted

PAGE = Path(__file__).parent.parent.parent / "docs" / "services.md"
PICTURES = PAGE.parent / "images"

_LOCAL = re.compile(r"http://127\.0\.0\.1:\d+")

HEAD = """# The three services

What ships with the federation, as a stock MCP client sees it. Everything below was said over `POST /mcp` of a gateway
by the official Python client; long lists and texts are cut at `…`. Write this page anew with
`python -m tests.services.report`; how they are built is in [members.md](members.md), their limits in
[settings.md](settings.md).
"""

CODE, DATA, IMAGE = MEMBERS = ("code_analyzer_fastmcp", "data_validator_fastmcp", "image_service_fastmcp")

PLANTED = """## What the analyzer finds

A repository with one planted problem of each kind in each language, and clean files beside them. The rules were
finished against this set, so it says that nothing of it was lost since, and not what they find in your code: at the
first run 66 of the 70 planted were found, and 66 of the 73 findings were planted.
"""

SOURCE = """import os, pickle


def price(order, customer, country, coupon, day):
    if order:
        if customer == "new":
            if country == "NO" and coupon:
                return 1
            elif country == "SE" or day == 6:
                return 2
        elif customer == "old":
            for item in order:
                if item and coupon:
                    return 3
                elif item or day:
                    return 4
    return eval(coupon)


token = "ghp_" + "x" * 3
password = "correct-horse-battery"
"""
UNTIDY = "import os\nx = 1\nif x == None:\n    pass\n"
SALES = "id,city,sold,price\n1,Oslo,3,9.5\n2,Bergen,4,9.0\n3,Oslo,-1,\n3,Voss,2,8000\n"
LATER = "id,city,sold,price\n1,Oslo,3,9.5\n2,Bergen,6,9.0\n4,Voss,2,8.5\n"


@dataclass(frozen=True)
class Shown:
    """One call of the page."""

    title: str
    tool: str
    arguments: Mapping[str, Any]
    picture: str = ""
    """The file its picture is kept in."""


def calls(repository_url: str) -> Iterator[Shown]:
    """What is shown, in order."""
    snippet = {"code_snippet": SOURCE, "language": "python"}
    yield Shown("A repository, measured", f"{CODE}__analyze_repo", {"repo_url": repository_url, "history": True})
    yield Shown("A snippet, with what is wrong in it", f"{CODE}__security_scan", snippet)
    yield Shown("A snippet, made better", f"{CODE}__refactor", {**snippet, "code_snippet": UNTIDY})
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
    samples = [{"id": 1, "when": "2026-01-02"}, {"id": 2}]
    columns = {"id": {"type": "integer", "unique": True}, "sold": {"type": "integer", "minimum": 0}}
    yield Shown("JSON against a schema", f"{DATA}__validate_json", {"schema": schema, "data": {"age": -1}})
    yield Shown("A schema from samples", f"{DATA}__infer_schema", {"samples": samples})
    yield Shown("A table, profiled", f"{DATA}__profile_table", {"table": SALES})
    yield Shown(
        "A table against its rules", f"{DATA}__validate_table", {"table": SALES, "schema": {"columns": columns}}
    )
    yield Shown("Two tables, compared", f"{DATA}__compare", {"before": SALES, "after": LATER, "key": ["id"]})
    hues = range(0, 240, 40)
    sheet = {"images": [drawing(hue) for hue in hues], "captions": [f"hue {hue}" for hue in hues], "columns": 3}
    yield Shown("A picture, described", f"{IMAGE}__image_info", {"image": drawing(0)})
    yield Shown("Two pictures, compared", f"{IMAGE}__compare", {"image": drawing(0), "other": drawing(90)})
    yield Shown("Pictures on a sheet", f"{IMAGE}__contact_sheet", {**sheet, "format": "WEBP"}, "contact_sheet.webp")


def drawing(hue: int) -> str:
    """A small picture, in base64."""
    picture = Image.new("HSV", (160, 120), (hue, 90, 230))
    ImageDraw.Draw(picture).ellipse((40, 20, 120, 100), fill=(hue, 200, 160))
    out = BytesIO()
    picture.convert("RGB").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@asynccontextmanager
async def client(git: GitServer) -> AsyncIterator[Client]:
    """A stock client on a gateway with the three services behind it."""
    members: Sequence[Member] = (
        code_analyzer.build(CodeAnalyzerSettings(allowed_hosts=(git.host,))),
        data_validator.build(),
        image_service.build(),
    )
    async with federation(*members) as running:
        gateway = Gateway(running.bus, GatewaySettings(port=0, doors={}, access_log=False))
        await gateway.start()
        try:
            async with Client(f"{gateway.url}/mcp") as connected:
                yield connected
        finally:
            await gateway.stop()


def tool_row(tool: Tool) -> str:
    """One line of the table of tools."""
    wanted = set(tool.input_schema.get("required", ()))
    names = [f"`{name}`" if name in wanted else f"`{name}`?" for name in tool.input_schema.get("properties", {})]
    told = (tool.description or "").partition("] ")[2].split(".  ")[0].split(". ")[0].replace("\n", " ").strip(" .")
    return f"| `{tool.name.partition('__')[2]}` | {', '.join(names)} | {told} |"


def transcript(shown: Shown, result: CallToolResult) -> list[str]:
    """A call and its answer."""
    asked = _LOCAL.sub("https://git.example.org", json.dumps(cut(shown.arguments), ensure_ascii=False))
    told = json.dumps(cut(result.structured_content), ensure_ascii=False, indent=1)
    lines = [f"### {shown.title}", "", f"`{shown.tool}`", "", "```json", asked, "```", "", "```json", told, "```", ""]
    for block in result.content:
        if isinstance(block, ImageContent) and shown.picture:
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / shown.picture).write_bytes(base64.b64decode(block.data))
            lines += [f"![{shown.title}](images/{shown.picture})", ""]
    return lines


def cut(value: Any, *, most: int = 3, longest: int = 90) -> Any:
    """The value with long lists and texts cut short."""
    if isinstance(value, dict):
        return {key: cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [cut(inner) for inner in value[:most]] + (["…"] if len(value) > most else [])
    return value[:longest] + "…" if isinstance(value, str) and len(value) > longest else value


async def main() -> None:
    lines = [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        repository(Path(folder) / "shop", {"shop.py": SOURCE, "web/app.js": "function f(a) { return eval(a) }\n"})
        with serving(Path(folder)) as git:
            async with client(git) as connected:
                tools = (await connected.list_tools()).tools
                for member in MEMBERS:
                    lines += [f"## {member}", "", "| tool | arguments (`?`: optional) | |", "|---|---|---|"]
                    lines += [tool_row(tool) for tool in tools if tool.name.startswith(f"{member}__")]
                    lines.append("")
                    for shown in calls(git.url("shop")):
                        if shown.tool.startswith(member):
                            lines += transcript(shown, await connected.call_tool(shown.tool, dict(shown.arguments)))
    with tempfile.TemporaryDirectory() as folder:
        lines += [PLANTED, await found_in_planted(Path(folder))]
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    asyncio.run(main())
