"""The Image Service in a federation, and three ways to call it."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from mcp import Client
from mcp_types import CallToolResult, ImageContent, TextContent
from PIL import Image

from bus import Bus, BusSettings, CallOptions, Federation
from bus.errors import FederationError
from directory import Directory
from gateway import Gateway, GatewaySettings
from members.image_service.service import build
from members.image_service.settings import ImageServiceSettings
from tests.support.federation import running_member

ID = "image_service_fastmcp"
MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """What one way of calling gave: a result, or an error's code (empty over MCP, which has none) and words."""

    result: dict[str, Any] | None = None
    code: str = ""
    status: int = 0
    words: str = ""


Call = Callable[[str, dict[str, Any]], Awaitable[Answer]]


def file(image: Image.Image | None = None, format: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    (image or Image.new("RGB", (40, 30), (200, 10, 10))).save(out, format, **more)
    return out.getvalue()


def text(content: bytes | None = None) -> str:
    return base64.b64encode(file() if content is None else content).decode()


def opened(result: dict[str, Any], name: str = "image") -> Image.Image:
    """The picture in a plain result."""
    return Image.open(io.BytesIO(base64.b64decode(result[name]["data"])))


@pytest.fixture
def own() -> ImageServiceSettings:
    return ImageServiceSettings(max_pixels=1_000_000, max_bytes=200_000, max_images=3, workers=1)


@pytest.fixture
async def images(federation: Federation, settings: BusSettings, own: ImageServiceSettings) -> AsyncIterator[Federation]:
    """A federation with the service in it."""
    async with running_member(build(own), settings):
        yield federation


@pytest.fixture
async def gateway(bus: Bus, directory: Directory) -> AsyncIterator[Gateway]:
    """A gateway with the service's door, which takes as much as the bus does."""
    gateway = Gateway(bus, GatewaySettings(port=0, doors={0: ID}, drain_s=2, max_body_bytes=16 * MIB))
    await gateway.start()
    yield gateway
    await gateway.stop()


@asynccontextmanager
async def three_ways(images: Federation, gateway: Gateway) -> AsyncIterator[dict[str, Call]]:
    """HTTP door, plain call over NATS, MCP. To be left in the task that entered it."""
    url = f"{gateway.url}/servers/{ID}/mcp"
    async with aiohttp.ClientSession(gateway.door_urls[ID]) as http, Client(url) as client:
        yield {"http": over_http(http), "nats": over_nats(images), "mcp": over_mcp(client)}


def over_http(http: aiohttp.ClientSession) -> Call:
    async def call(tool: str, arguments: dict[str, Any]) -> Answer:
        body = io.BytesIO(orjson.dumps(arguments))
        async with http.post(f"/mcp/call/{tool}", data=body, headers=JSON) as answer:
            told = await answer.json()
        if answer.status == 200:
            return Answer(told)
        return Answer(code=told["error"]["code"], status=answer.status, words=told["error"]["message"])

    return call


def over_nats(federation: Federation) -> Call:
    async def call(tool: str, arguments: dict[str, Any]) -> Answer:
        try:
            return Answer(await federation.call(ID, tool, arguments, CallOptions(timeout=30)))
        except FederationError as exc:
            return Answer(code=exc.code, status=exc.http_status, words=exc.message)

    return call


def over_mcp(client: Client) -> Call:
    async def call(tool: str, arguments: dict[str, Any]) -> Answer:
        found = await client.call_tool(tool, arguments)
        assert isinstance(found, CallToolResult)
        if found.is_error:
            return Answer(words="\n".join(one.text for one in found.content if isinstance(one, TextContent)))
        return Answer(put_back(found))

    return call


def put_back(found: CallToolResult) -> dict[str, Any]:
    """The structured result with the pictures of its content blocks where a plain reply has them."""
    result = dict(found.structured_content or {})
    blocks = [one for one in found.content if isinstance(one, ImageContent)]
    named = [name for name in ("image", "difference") if name in result]
    assert len(blocks) == len(named), str(found)[:3000]
    for name, block in zip(named, blocks, strict=True):
        assert "data" not in result[name], "a picture travels once"
        assert block.mime_type == result[name]["mime_type"]
        result[name] = {**result[name], "data": block.data}
    return result
