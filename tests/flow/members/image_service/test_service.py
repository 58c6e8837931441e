"""The Image Service in a federation."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from PIL import Image

from bus import BusSettings, CallOptions, Federation
from bus.errors import FederationError, InvalidArguments, TooLarge, ToolError
from members.image_service.service import build
from members.image_service.settings import ImageServiceSettings
from members.sandbox.extras import MissingExtra
from tests.support.federation import running_member

ID = "image_service_fastmcp"
PATIENT = CallOptions(timeout=30)


def picture(size: tuple[int, int] = (40, 30), format: str = "PNG") -> str:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(out, format)
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture
async def images(federation: Federation, settings: BusSettings) -> AsyncIterator[Federation]:
    own = ImageServiceSettings(max_pixels=1_000_000, max_bytes=100_000, workers=1)
    async with running_member(build(own), settings):
        yield federation


async def test_it_is_there(images: Federation) -> None:
    manifest = await images.server(ID)
    assert (manifest["name"], manifest["status"]) == ("Image Service", "active")
    assert [tool["name"] for tool in manifest["tools"]] == ["image_info"]


async def test_a_picture_is_described(images: Federation) -> None:
    reply = await images.call(ID, "image_info", {"image_base64": picture()}, PATIENT)
    assert (reply["format"], reply["width"], reply["height"], reply["mode"]) == ("PNG", 40, 30, "RGB")
    assert (reply["frames"], reply["has_exif"]) == (1, False)


BAD: list[tuple[str, dict[str, Any], type[FederationError], str]] = [
    ("nothing", {"image_base64": ""}, InvalidArguments, "empty"),
    ("no base64", {"image_base64": "?!"}, InvalidArguments, "not base64"),
    ("no picture", {"image_base64": base64.b64encode(b"hello").decode()}, InvalidArguments, "no picture"),
    ("too many pixels", {"image_base64": picture((5000, 5000))}, TooLarge, "1000000 pixels"),
    ("too many bytes", {"image_base64": "A" * 200_000}, TooLarge, "100000 bytes"),
    ("a truncated file", {"image_base64": picture((600, 600), "BMP")[:80_000]}, ToolError, "truncated"),
    ("a number", {"image_base64": 3}, InvalidArguments, "image_base64"),
]


@pytest.mark.parametrize("row", BAD, ids=[row[0] for row in BAD])
async def test_bad_input_fails_in_words(
    images: Federation, row: tuple[str, dict[str, Any], type[FederationError], str]
) -> None:
    _, arguments, error, words = row
    with pytest.raises(error, match=words):
        await images.call(ID, "image_info", arguments, PATIENT)


def test_a_missing_pillow_is_told_when_the_member_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r"Image Service needs PIL: install omega-federation\[image\]"):
        build()
