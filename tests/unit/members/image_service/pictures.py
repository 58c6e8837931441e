"""Pictures made for tests, and jobs run on them in this process."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from members.image_service.jobs import JOBS
from members.image_service.settings import ImageServiceSettings

SETTINGS = ImageServiceSettings()
LIMITS: Mapping[str, Any] = {
    "formats": SETTINGS.formats,
    "max_pixels": 1_000_000,
    "max_frames": 50,
    "max_animation_pixels": 1_000_000,
    "max_result_bytes": 2_000_000,
}


class Bench:
    """Runs jobs with files in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, job: str, *contents: bytes, limits: Mapping[str, Any] | None = None, **own: Any) -> dict[str, Any]:
        """The job's result."""
        names = ["image"] if len(contents) == 1 else [f"images[{number}]" for number in range(len(contents))]
        sources = []
        for number, content in enumerate(contents):
            path = self.folder / f"source-{number}"
            path.write_bytes(content)
            sources.append({"path": str(path), "name": names[number]})
        told = {"sources": sources, "folder": str(self.folder), "limits": {**LIMITS, **(limits or {})}, **own}
        found: dict[str, Any] = JOBS[job](told, lambda step: None)
        return found

    def content(self, name: str = "image") -> bytes:
        """The file the last job made."""
        return (self.folder / name).read_bytes()

    def picture(self, name: str = "image") -> Image.Image:
        return Image.open(io.BytesIO(self.content(name)))

    def info(self, content: bytes, *, location: bool = False, **limits: Any) -> dict[str, Any]:
        return self.run("image_info", content, limits=limits, location=location)

    def convert(self, content: bytes, format: str, **output: Any) -> tuple[dict[str, Any], Image.Image]:
        result = self.run("convert", content, output={"format": format, **output})
        return result, self.picture()


def file(image: Image.Image, format: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **more)
    return out.getvalue()


def gradient(size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Smooth colours, different in each corner: turned or mirrored, it is another picture."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, (x + y) / 2], axis=2).astype(np.uint8))


def in_mode(mode: str) -> Image.Image:
    """The gradient in any of Pillow's modes, half transparent at the left where the mode has transparency."""
    base = gradient()
    if mode == "I;16":
        return Image.fromarray(np.asarray(base.convert("L")).astype(np.uint16) * 257)
    if mode == "I;16B":
        return Image.frombytes(mode, base.size, (np.asarray(base.convert("L")).astype(">u2") * 257).tobytes())
    if mode in ("I", "F"):
        return Image.fromarray(np.asarray(base.convert("L")).astype("i4" if mode == "I" else "f4"))
    if mode in ("LA", "RGBA", "PA"):
        alpha = base.getchannel("R").point(lambda value: 0 if value < 128 else 255)
        plain = base.convert({"LA": "L", "PA": "L"}.get(mode, "RGB"))
        plain.putalpha(alpha)
        return plain.convert(mode)
    return base.convert(mode)


def moving(format: str, count: int = 4, **more: Any) -> bytes:
    """An animation of plain colours, each frame shown 100 ms longer than the one before."""
    frames = [Image.new("RGB", (24, 16), (40 * number, 200 - 40 * number, 90)) for number in range(count)]
    times = [100 * (number + 1) for number in range(count)]
    lossless = {"lossless": True} if format == "WEBP" else {}
    return file(frames[0], format, save_all=True, append_images=frames[1:], duration=times, **lossless, **more)


def with_exif(*, orientation: int = 1, place: bool = True) -> Image.Exif:
    """What a camera writes."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F], exif[0x0110], exif[0x0132] = "Maker", "Model 1", "2024:05:06 07:08:09"
    exif.get_ifd(0x8769).update({0x829A: 0.008, 0x829D: 2.8, 0x9003: "2024:05:06 07:08:09", 0x927C: b"secret maker"})
    if place:
        exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "W", 4: (13.0, 24.0, 18.0), 5: b"\0", 6: 34.5})
    return exif


def png_that_claims(width: int, height: int) -> bytes:
    """A small file that would unpack to width × height zero pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures of one size, 0 to 255, alpha counted and hidden colours not."""
    arrays = [np.asarray(image.convert("RGBA").convert("RGBa")).astype(float) for image in (one, other)]
    return float(np.abs(arrays[0] - arrays[1]).mean())
