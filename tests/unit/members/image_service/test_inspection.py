"""One look at a picture."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from members.image_service.inspection import image_info
from members.image_service.settings import ImageServiceSettings
from members.sandbox.refusals import Failed, Invalid, Refusal, TooLarge

SETTINGS = ImageServiceSettings()


def info(content: bytes, **more: Any) -> dict[str, Any]:
    arguments = {
        "content": base64.b64encode(content).decode(),
        "formats": SETTINGS.formats,
        "max_pixels": 1_000_000,
        "max_frames": 50,
        **more,
    }
    return image_info(arguments, lambda step: None)


def picture(format: str, *, mode: str = "RGB", size: tuple[int, int] = (30, 20), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, format, **more)
    return out.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A small file that would unpack to width × height zero pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("format", SETTINGS.formats)
def test_every_listed_format_is_read(format: str) -> None:
    content = picture(format, size=(32, 16) if format != "ICO" else (32, 32))
    found = info(content)
    assert (found["format"], found["width"], found["size_bytes"]) == (format, 32, len(content))
    assert found["mime_type"].startswith("image/")


def test_the_facts_of_a_plain_picture() -> None:
    content = picture("PNG", mode="RGBA")
    assert info(content) == {
        "format": "PNG", "mime_type": "image/png", "width": 30, "height": 20, "mode": "RGBA", "frames": 1,
        "size_bytes": len(content), "has_alpha": True, "has_exif": False, "has_location": False,
        "has_icc_profile": False, "orientation": 1,
    }  # fmt: skip


def test_frames_are_counted_and_bounded() -> None:
    frames = [Image.new("L", (4, 4), n * 20) for n in range(1, 6)]
    content = picture("GIF", mode="L", size=(4, 4), save_all=True, append_images=frames)
    assert info(content)["frames"] == 6
    with pytest.raises(TooLarge, match="5 frames"):
        info(content, max_frames=5)


def test_exif_is_told_and_a_location_is_never() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    found = info(picture("JPEG", exif=exif))
    assert (found["has_exif"], found["has_location"], found["orientation"]) == (True, True, 6)
    assert "52" not in repr({key: value for key, value in found.items() if key != "size_bytes"})


def test_a_senseless_orientation_is_no_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert info(picture("JPEG", exif=exif))["orientation"] == 1


@pytest.mark.parametrize("size", [(1001, 1000), (30_000, 30_000), (100_000, 100_000)])
def test_a_picture_that_unpacks_to_too_many_pixels_is_refused_naming_the_limit(size: tuple[int, int]) -> None:
    with pytest.raises(TooLarge, match="1000000 pixels"):
        info(png_that_claims(*size))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_an_error_and_not_a_guess(format: str) -> None:
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, format)
    with pytest.raises(Failed, match="truncated or damaged") as caught:
        info(out.getvalue()[: len(out.getvalue()) * 2 // 3])
    assert caught.value.details["reason"] == "damaged"


@pytest.mark.parametrize(
    "content", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", b"<svg/>", b"\0" * 100]
)
def test_what_is_no_listed_picture_is_refused_listing_them(content: bytes) -> None:
    with pytest.raises(Invalid, match="PNG, JPEG"):
        info(content)


def test_a_format_that_is_not_listed_is_not_tried() -> None:
    with pytest.raises(Invalid):
        info(picture("PNG"), formats=["JPEG"])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_a_byte_changed_anywhere_is_an_answer_or_a_refusal(format: str) -> None:
    content = bytearray(picture(format))
    for place in range(0, len(content), 3):
        changed = bytes(content[:place]) + bytes([content[place] ^ 0xFF]) + bytes(content[place + 1 :])
        try:
            info(changed)
        except Refusal:
            continue
