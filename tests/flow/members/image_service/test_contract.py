"""Every documented shape and every error, on all three ways: HTTP door, plain call over NATS, MCP."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
from PIL import Image

from bus import Federation
from gateway import Gateway
from members.image_service.service import CAPABILITIES
from tests.flow.members.image_service.conftest import ID, Call, file, opened, text, three_ways

PICTURE = text()
SAME = {"format", "width", "height", "frames", "size_bytes", "sha256", "mime_type", "mode", "data"}
NOISE = file(Image.effect_noise((200, 200), 90))
BOX = {"x": 5, "y": 5, "width": 10, "height": 10}

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "describe": ("image_info", {"image": PICTURE}),
    "describe a data URL": ("image_info", {"image": f"data:image/png;base64,{PICTURE}", "location": True}),
    "resize": ("resize", {"image": PICTURE, "width": 20}),
    "resize in every way": (
        "resize",
        {
            "image": PICTURE, "width": 80, "height": 80, "fit": "cover", "upscale": True, "filter": "bicubic",
            "format": "webp", "quality": 70, "background": "#ffffff", "metadata": "keep", "animation": False,
        },
    ),
    "crop": ("crop", {"image": PICTURE, "x": 1, "y": 2, "width": 10, "height": 11}),
    "thumbnail": ("thumbnail", {"image": PICTURE}),
    "square thumbnail": ("thumbnail", {"image": PICTURE, "size": 16, "square": True, "format": "JPEG"}),
    "PNG": ("convert", {"image": PICTURE, "format": "PNG"}),
    "JPEG": ("convert", {"image": PICTURE, "format": "jpg", "quality": 90}),
    "WEBP": ("convert", {"image": PICTURE, "format": "WEBP", "lossless": True}),
    "AVIF": ("convert", {"image": PICTURE, "format": "AVIF"}),
    "GIF": ("convert", {"image": PICTURE, "format": "GIF"}),
    "TIFF": ("convert", {"image": PICTURE, "format": "TIFF"}),
    "compare": ("compare", {"image": PICTURE, "other": PICTURE}),
    "compare with a picture": ("compare", {"image": PICTURE, "other": text(NOISE), "resize": True, "difference": True}),
    "compare other sizes": ("compare", {"image": PICTURE, "other": text(NOISE), "difference": True}),
    "redact": ("redact", {"image": PICTURE, "boxes": [BOX]}),
    "blur": ("redact", {"image": PICTURE, "boxes": [BOX, BOX], "method": "blur", "format": "PNG"}),
    "contact sheet": ("contact_sheet", {"images": [PICTURE, text(NOISE)], "captions": ["a", "b"], "columns": 2}),
}  # fmt: skip

INVALID, FORBIDDEN, LARGE, FAILED, MISSING = (
    ("invalid_arguments", 400), ("not_allowed", 403), ("too_large", 413), ("tool_error", 422), ("unknown_member", 404),
)  # fmt: skip

ERRORS: list[tuple[str, str, dict[str, Any], tuple[str, int], str]] = [
    ("nothing", "image_info", {"image": ""}, INVALID, "image: empty"),
    ("an empty data URL", "image_info", {"image": "data:image/png;base64,"}, INVALID, "image: empty"),
    ("no base64", "image_info", {"image": "?!"}, INVALID, "image: not base64"),
    ("no picture", "image_info", {"image": text(b"hello")}, INVALID, "image: no picture in a format"),
    ("a number", "image_info", {"image": 3}, INVALID, "image"),
    ("no picture at all", "image_info", {}, INVALID, "image"),
    ("another host", "image_info", {"image": "http://example.org/a.png"}, FORBIDDEN, "only https"),
    ("this machine", "image_info", {"image": "https://127.0.0.1/a.png"}, FORBIDDEN, "policy does not allow"),
    ("nobody's resource", "image_info", {"image": "omega://member/nobody/a"}, MISSING, "nobody"),
    ("a broken URI", "image_info", {"image": "omega://else/a"}, INVALID, "image: a data: URL"),
    ("too many bytes", "image_info", {"image": "A" * 400_000}, LARGE, "image: more than 200000 bytes"),
    ("too many pixels", "image_info", {"image": text(file(Image.new("1", (1001, 1000))))}, LARGE, "1000000 pixels"),
    ("a truncated file", "image_info", {"image": text(NOISE[:30_000])}, FAILED, "image: the picture is truncated"),
    ("no size", "resize", {"image": PICTURE}, INVALID, "width, height: give one of them"),
    ("a size of nothing", "resize", {"image": PICTURE, "width": 0}, INVALID, "width"),
    ("too large a size", "resize", {"image": PICTURE, "width": 60_000, "upscale": True}, LARGE, "1000000 pixels"),
    ("an unknown fit", "resize", {"image": PICTURE, "width": 5, "fit": "squeeze"}, INVALID, "fit"),
    ("an unknown filter", "resize", {"image": PICTURE, "width": 5, "filter": "magic"}, INVALID, "filter"),
    ("a crop outside", "crop", {"image": PICTURE, "x": 39, "y": 0, "width": 2, "height": 2}, INVALID, "40 x 30"),
    ("a thumbnail too large", "thumbnail", {"image": PICTURE, "size": 9999}, INVALID, "size"),
    ("no format", "convert", {"image": PICTURE}, INVALID, "format"),
    ("an unknown format", "convert", {"image": PICTURE, "format": "BMP"}, INVALID, "format"),
    ("quality", "convert", {"image": PICTURE, "format": "JPEG", "quality": 101}, INVALID, "quality"),
    ("lossless", "convert", {"image": PICTURE, "format": "JPEG", "lossless": True}, INVALID, "lossless: JPEG cannot"),
    ("no colour", "convert", {"image": PICTURE, "format": "JPEG", "background": "x"}, INVALID, "background: #rrggbb"),
    ("metadata", "convert", {"image": PICTURE, "format": "JPEG", "metadata": "some"}, INVALID, "metadata"),
    ("the other", "compare", {"image": PICTURE, "other": text(b"hello")}, INVALID, "other: no picture"),
    ("tolerance", "compare", {"image": PICTURE, "other": PICTURE, "tolerance": 256}, INVALID, "tolerance"),
    ("no boxes", "redact", {"image": PICTURE, "boxes": []}, INVALID, "boxes"),
    ("half a box", "redact", {"image": PICTURE, "boxes": [{"x": 1}]}, INVALID, "boxes"),
    ("a box outside", "redact", {"image": PICTURE, "boxes": [{**BOX, "x": 40}]}, INVALID, "boxes[0]: outside"),
    ("no ink", "redact", {"image": PICTURE, "boxes": [BOX], "color": "invisible"}, INVALID, "color: #rrggbb"),
    ("no pictures", "contact_sheet", {"images": []}, INVALID, "images"),
    ("many pictures", "contact_sheet", {"images": [PICTURE] * 4}, INVALID, "images: at most 3 pictures, not 4"),
    ("captions", "contact_sheet", {"images": [PICTURE], "captions": ["a", "b"]}, INVALID, "captions: 2 for 1"),
    ("the second", "contact_sheet", {"images": [PICTURE, "?!"]}, INVALID, "images[1]: not base64"),
    ("misspelt", "crop", {"image": PICTURE, "x": 0, "y": 0, "width": 1, "hight": 1}, INVALID, "height"),
]


async def test_the_three_ways_give_the_documented_shapes(images: Federation, gateway: Gateway) -> None:
    schemas = {tool["name"]: tool["outputSchema"] for tool in (await images.server(ID))["tools"]}
    async with three_ways(images, gateway) as ways:
        for label, (tool, arguments) in CALLS.items():
            result = await the_same(ways, tool, arguments, label)
            jsonschema.validate(result, schemas[tool])
            for name in {"image", "difference"} & set(result):
                sound_picture(result, name)


async def the_same(ways: dict[str, Call], tool: str, arguments: dict[str, Any], label: str) -> dict[str, Any]:
    """What every way gave."""
    answers = {way: await call(tool, arguments) for way, call in ways.items()}
    results = [answer.result for answer in answers.values()]
    assert results[0] is not None, f"{label}: {answers}"
    assert results[0] == results[1] == results[2], label
    return results[0]


def sound_picture(result: dict[str, Any], name: str) -> None:
    """A picture is what is said about it."""
    said, content = result[name], base64.b64decode(result[name]["data"])
    picture = opened(result, name)
    assert set(said) == SAME
    assert (said["size_bytes"], said["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (said["format"], said["width"], said["height"]) == (picture.format, *picture.size)


async def test_the_three_ways_refuse_in_the_same_words(images: Federation, gateway: Gateway) -> None:
    async with three_ways(images, gateway) as ways:
        for label, tool, arguments, (code, status), words in ERRORS:
            for way, call in ways.items():
                answer = await call(tool, arguments)
                assert answer.result is None, f"{label} over {way}"
                assert words in answer.words, f"{label} over {way}: {answer.words}"
                if way != "mcp":
                    assert (answer.code, answer.status) == (code, status), f"{label} over {way}: {answer.words}"


async def test_the_manifest_tells_of_tools_and_capabilities(images: Federation) -> None:
    manifest = await images.server(ID)
    assert (manifest["name"], manifest["status"]) == ("Image Service", "active")
    assert manifest["capabilities"] == CAPABILITIES
    tools = {tool["name"]: tool for tool in manifest["tools"]}
    assert set(tools) == {
        "image_info", "resize", "crop", "convert", "thumbnail", "compare", "redact", "contact_sheet",
    }  # fmt: skip
    for tool in tools.values():
        assert tool["title"] and tool["description"] and tool["outputSchema"]["type"] == "object"
        assert tool["annotations"]["readOnlyHint"] is True
        for name, schema in tool["inputSchema"]["properties"].items():
            assert name in ("location", "resize", "difference") or schema["description"], (tool["name"], name)


async def test_the_service_is_found_by_what_it_can_do(images: Federation) -> None:
    for capability in CAPABILITIES:
        assert [server["id"] for server in await images.search(capability=capability)] == [ID]
